"""The report in a real browser: 2,461 cases stay fluid; filters, order, search, links, keys; nothing breaks."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from headless_browser import browser
from run_folders import write_large_run, write_run

from reports.page import write_report

pytestmark = pytest.mark.slow
N = 2461
EVIL = '<script>document.title = "run"</script><img src=x onerror="document.title = 1">'


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = write_large_run(tmp_path_factory.mktemp("large") / "run", N)
    return write_report([folder]).path.as_uri()


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with browser(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture
def opened(driver: Any, page: str) -> Iterator[Any]:
    """The report at its cases, newly loaded; afterwards the console must be empty."""
    driver.get("about:blank")
    driver.get_log("browser")
    driver.get(f"{page}#cases")
    yield driver
    assert driver.get_log("browser") == []


def find(driver: Any, selector: str) -> Any:
    return driver.find_element("css selector", selector)


def title(driver: Any) -> str:
    return str(find(driver, "#case-title").text)


def texts(driver: Any, selector: str) -> list[str]:
    """The texts of all elements at one moment: the list is drawn anew while it scrolls."""
    script = "return [...document.querySelectorAll(arguments[0])].map((element) => element.textContent)"
    return list(driver.execute_script(script, selector))


def ids(driver: Any) -> list[str]:
    return texts(driver, "#rows .id")


def choose(driver: Any, selector: str, words: str) -> None:
    from selenium.webdriver.support.ui import Select

    select = Select(find(driver, selector))
    (option,) = [item for item in select.options if item.text.startswith(words)]
    select.select_by_visible_text(option.text)


def press(driver: Any, *keys: str) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    ActionChains(driver).send_keys(*keys).perform()


def test_it_opens_fast_and_small(driver: Any, page: str) -> None:
    driver.get("about:blank")
    driver.get(f"{page}#case=17")
    ready = driver.execute_script("return performance.getEntriesByName('ready')[0].startTime")
    memory = driver.execute_script("return performance.memory.usedJSHeapSize") / 2**20
    rows = len(ids(driver))
    print(f"\n{N} cases: first case after {ready:.0f} ms, {memory:.0f} MB of heap, {rows} rows in the list")
    assert title(driver) == "Case 17"
    assert ready < 5000
    assert memory < 300
    assert rows < 60


def test_scrolling_draws_only_what_is_in_view(opened: Any) -> None:
    slowest = opened.execute_async_script(
        """
        const done = arguments[0], list = document.getElementById("list");
        let slowest = 0, step = 0, last = performance.now();
        function frame(now) {
          slowest = Math.max(slowest, now - last);
          last = now;
          list.scrollTop = (list.scrollHeight / 60) * step;
          step <= 61 ? (step++, requestAnimationFrame(frame)) : done(slowest);
        }
        requestAnimationFrame(frame);
        """
    )
    print(f"\nslowest frame while scrolling through {N} cases: {slowest:.0f} ms")
    assert str(N - 1) in ids(opened)
    assert len(ids(opened)) < 60
    assert slowest < 500


def test_worst_first_by_a_metric(opened: Any) -> None:
    choose(opened, "#sort", "ROUGE-L")
    values = [float(text) for text in texts(opened, "#rows .value")]
    assert values == sorted(values)
    choose(opened, "#direction", "best first")
    values = [float(text) for text in texts(opened, "#rows .value")]
    assert values == sorted(values, reverse=True)
    assert values[0] > 80


def test_filters_count_what_they_keep(opened: Any) -> None:
    choose(opened, "#facets label:nth-of-type(1) select", "with prior")
    choose(opened, "#facets label:nth-of-type(2) select", "failed")
    count = find(opened, "#count").text
    badges = set(texts(opened, "#rows .badge"))
    assert badges == {"prior", "failed"}
    assert re.fullmatch(rf"\d{{1,2}} of {N} cases", count)
    find(opened, "#reset").click()
    assert find(opened, "#count").text == f"{N} of {N} cases"


def test_search_finds_words_in_any_order(opened: Any) -> None:
    find(opened, "#search").send_keys("EFFUSION 1200")
    assert ids(opened) == ["1200"]
    find(opened, "#search").send_keys(" nowhere-to-be-found")
    assert find(opened, "#nothing").is_displayed()


def test_keys_move_through_the_cases(opened: Any) -> None:
    assert title(opened) == "Case 0"
    press(opened, "j", "j", "k")
    assert title(opened) == "Case 1"
    assert opened.current_url.endswith("#case=1")
    press(opened, "\ue010")  # End
    assert title(opened) == f"Case {N - 1}"
    press(opened, "/")
    assert opened.switch_to.active_element.get_attribute("id") == "search"
    press(opened, "j")
    assert find(opened, "#search").get_attribute("value") == "j"
    press(opened, "\ue00c")  # Escape
    press(opened, "s")
    assert find(opened, "#summary").is_displayed()


def test_everything_is_reached_by_keyboard(opened: Any) -> None:
    reached = set()
    for _ in range(40):
        press(opened, "\ue004")  # Tab
        reached.add(opened.execute_script("return document.activeElement.id || document.activeElement.className"))
    assert {"to-summary", "search", "sort", "row", "next", "theme", "keys"} <= reached


def test_deep_links_follow_and_unknown_ones_say_so(opened: Any, page: str) -> None:
    opened.get(f"{page}#case=2000")
    assert title(opened) == "Case 2000"
    assert find(opened, ".row[aria-current='true'] .id").text == "2000"
    opened.get(f"{page}#case=nobody")
    assert find(opened, "#unknown").is_displayed()
    opened.get(f"{page}#case=%E0%A4%A")
    assert find(opened, "#unknown").is_displayed()


def test_a_link_to_a_case_that_is_filtered_out_shows_it(opened: Any) -> None:
    find(opened, "#search").send_keys("nowhere-to-be-found")
    opened.execute_script("location.hash = 'case=5'")
    time.sleep(0.2)
    assert title(opened) == "Case 5"


def test_words_are_compared_and_matches_marked(opened: Any, page: str) -> None:
    opened.get(f"{page}#case=1")
    answer = opened.execute_script("return JSON.parse(document.getElementById('data').textContent).cases[1]")
    assert texts(opened, ".texts .text") == [answer["refs"][0], answer["answers"][0]["text"]]
    extra = texts(opened, ".texts .extra")
    words = set(re.findall(r"\w+", answer["answers"][0]["text"].lower()))
    assert {word.lower() for word in extra} <= words
    assert opened.find_elements("css selector", ".texts .span")
    press(opened, "m")
    assert not opened.find_elements("css selector", ".texts .extra")


def test_images_have_alternative_texts_and_enlarge(opened: Any, page: str) -> None:
    opened.get(f"{page}#case=1")
    images = opened.find_elements("css selector", ".images img")
    assert [image.get_attribute("alt") for image in images] == [
        "Current radiograph of case 1",
        "Prior radiograph of case 1",
    ]
    assert all(opened.execute_script("return arguments[0].naturalWidth", image) > 50 for image in images)
    images[0].click()
    assert find(opened, "#enlarged").is_displayed()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_words_stand_out_from_their_ground(theme: str, opened: Any, page: str) -> None:
    opened.get(f"{page}#case=1")
    contrast, element = worst_contrast(opened, theme)
    assert contrast >= 4.5, element


@pytest.fixture(scope="module")
def statements_page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A run scored with report_errors."""
    from libra_bench.metrics.report_errors import ReportErrors

    reference, prediction = "Small left effusion. Cardiomegaly. No edema.", "Small right effusion. Fracture. No edema."
    spans = [
        {"question_id": 1, "side": s.side, "start": s.start, "end": s.end, "label": s.label, "metric": "report_errors"}
        for s in ReportErrors().score([prediction], [[reference]]).spans
    ]
    folder = write_run(
        tmp_path_factory.mktemp("statements") / "run",
        samples=[{"question_id": 1, "image": "", "text": "Describe.", "reference": reference}],
        answers=[{"question_id": 1, "prompt": "Describe.", "text": prediction, "metadata": {}}],
        spans=spans,
        sample_scores={"Report-errors-score": [20.0]},
    )
    return write_report([folder]).path.as_uri()


def test_statements_are_marked_and_errors_named(driver: Any, statements_page: str) -> None:
    driver.get(f"{statements_page}#case=1")
    assert texts(driver, ".texts .partly") == ["effusion", "effusion"]
    assert texts(driver, ".texts .false") == ["Fracture"]
    assert texts(driver, ".texts .missing") == ["Cardiomegaly"]
    assert texts(driver, ".texts .agreed") == ["edema", "edema"]
    assert not driver.find_elements("css selector", ".texts .extra")
    assert texts(driver, ".texts .stack .errors li")[1:] == ["missing finding: cardiomegaly"]
    assert texts(driver, ".texts > section .errors li")[1:] == ["false finding: fracture"]
    assert {text.partition(":")[0] for text in texts(driver, ".texts .errors li:first-child")} == {"wrong location"}
    find(driver, "#marks label:nth-of-type(2) input").click()
    assert not driver.find_elements("css selector", ".texts .statement, .texts .errors")
    assert driver.get_log("browser") == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_marked_statements_stand_out_from_their_ground(theme: str, driver: Any, statements_page: str) -> None:
    driver.get("about:blank")
    driver.get(f"{statements_page}#case=1")
    contrast, element = worst_contrast(driver, theme)
    assert contrast >= 4.5, element


def worst_contrast(driver: Any, theme: str) -> tuple[float, str]:
    """The lowest contrast of a text with its ground (WCAG AA asks for 4.5 : 1), and where it is."""
    driver.execute_script("document.documentElement.dataset.theme = arguments[0]", theme)
    worst: list[Any] = driver.execute_script(
        """
        const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
        const linear = (v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
        const light = (colour) => {
          const [r, g, b] = parts(colour).map((v) => linear(v / 255));
          return 0.2126 * r + 0.7152 * g + 0.0722 * b;
        };
        const ground = (element) => {
          const colour = getComputedStyle(element).backgroundColor;
          return (parts(colour)[3] ?? 1) > 0 ? colour : ground(element.parentElement);
        };
        let worst = [99, ""];
        for (const element of document.querySelectorAll("body *")) {
          const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
          const skipped = element.disabled || ["SCRIPT", "OPTION"].includes(element.tagName);
          if (!own || skipped || !element.checkVisibility()) continue;
          const [a, b] = [light(getComputedStyle(element).color), light(ground(element))].sort((x, y) => y - x);
          const ratio = (a + 0.05) / (b + 0.05);
          if (ratio < worst[0]) worst = [ratio, element.outerHTML.slice(0, 120)];
        }
        return worst;
        """
    )
    return worst[0], worst[1]


def test_printing_shows_the_case_and_no_controls(opened: Any, page: str) -> None:
    opened.get(f"{page}#case=1")
    opened.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        assert not find(opened, "#side").is_displayed()
        assert find(opened, ".texts").is_displayed()
    finally:
        opened.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_two_runs_side_by_side(driver: Any, tmp_path: Path) -> None:
    first = write_large_run(tmp_path / "a", 50)
    second = write_large_run(tmp_path / "b", 50, seed=1, model="other", fingerprint="b")
    driver.get(f"{write_report([first, second]).path.as_uri()}#case=3")
    headings = [item.text for item in driver.find_elements("css selector", ".texts h3")]
    assert [text.splitlines()[0] for text in headings] == ["Reference", "A: libra-tiny", "B: other"]
    choose(driver, "#sort", "ROUGE-L, B − A")
    values = [float(text) for text in texts(driver, "#rows .value")]
    assert values == sorted(values)
    assert driver.get_log("browser") == []


@pytest.fixture(scope="module")
def pieces_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of 300 cases whose page loads them."""
    folder = write_large_run(tmp_path_factory.mktemp("pieces") / "run", 300)
    return write_report([folder], max_cases_in_page=100, drawn=dict).path


def when_loaded(driver: Any, script: str) -> Any:
    """The value of a script once it has one; pieces are loaded meanwhile."""
    from selenium.webdriver.support.ui import WebDriverWait

    return WebDriverWait(driver, 10).until(lambda driver: driver.execute_script(f"return {script}"))


def test_a_page_loads_its_cases_from_disk(driver: Any, pieces_page: Path) -> None:
    driver.get("about:blank")
    driver.get(f"{pieces_page.as_uri()}#case=120")
    when_loaded(driver, "document.querySelector('.texts .text') !== null")
    assert title(driver) == "Case 120"
    assert find(driver, "#count").text == "300 of 300 cases"
    images = when_loaded(driver, "[...document.querySelectorAll('.images img')].map((image) => image.src)")
    assert all(source.startswith("file://") for source in images)
    when_loaded(driver, "[...document.querySelectorAll('.images img')].every((image) => image.naturalWidth > 50)")
    press(driver, "j")
    when_loaded(driver, "document.querySelector('#case-title').textContent === 'Case 121'")
    choose(driver, "#sort", "ROUGE-L")
    values = [float(text) for text in texts(driver, "#rows .value")]
    assert values == sorted(values)
    driver.execute_script("reset()")
    word = driver.execute_script("return document.querySelector('.texts .text').textContent.split(' ')[2]").lower()
    find(driver, "#search").send_keys(word)
    said = when_loaded(driver, "/^\\d+ of/.test(byId('count').textContent) && byId('count').textContent")
    lines = (pieces_page.parent / "answers.jsonl").read_text().splitlines()
    suite = (pieces_page.parent.parent / "demo.jsonl").read_text().splitlines()
    both = zip(map(json.loads, lines), map(json.loads, suite), strict=True)
    wanted = sum(word in f"{a['question_id']} {a['text']} {s['reference']} {s['text']}".lower() for a, s in both)
    assert said == f"{wanted} of 300 cases"
    assert driver.get_log("browser") == []


def test_a_piece_that_is_gone_is_said(driver: Any, pieces_page: Path, tmp_path: Path) -> None:
    alone = tmp_path / "report.html"
    alone.write_bytes(pieces_page.read_bytes())
    driver.get(f"{alone.as_uri()}#cases")
    said = when_loaded(driver, "!byId('unloaded').hidden && byId('unloaded').textContent")
    assert "copy the folder report_cases with it" in said
    driver.get_log("browser")


def test_nothing_in_a_report_is_run(driver: Any, tmp_path: Path) -> None:
    samples = [{"question_id": EVIL, "image": [EVIL], "text": EVIL, "reference": EVIL, "view": EVIL}]
    answers = [{"question_id": EVIL, "prompt": EVIL, "text": EVIL, "metadata": {"error": EVIL}}]
    folder = write_run(tmp_path / "run", samples=samples, answers=answers, model=EVIL, sample_scores={EVIL: [1.0]})
    driver.get(f"{write_report([folder]).path.as_uri()}#cases")
    assert driver.title == f"{EVIL} on demo"
    assert find(driver, ".texts section:last-child .text").text == EVIL
    assert driver.execute_script("return document.querySelectorAll('img[onerror], #case script').length") == 0


def test_a_run_of_no_cases(driver: Any, tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", samples=[], answers=[])
    driver.get(f"{write_report([folder]).path.as_uri()}#cases")
    assert find(driver, "#count").text == "0 of 0 cases"
    assert driver.get_log("browser") == []


@pytest.mark.parametrize("width", [1280, 390])
def test_ids_are_whole_and_errors_are_a_filter(width: int, tmp_path: Path) -> None:
    long = "mimic-cxr-p10000032-s50414267-02aa804e-bde0afdd-112c0b34-7bc16630-4e384014"
    samples = [
        {"question_id": name, "image": ["a.png"], "text": "Describe.", "reference": "No effusion."}
        for name in (long, f"{long}-2")
    ]
    scores = {"Report-errors-false-finding": [2.0, 0.0]}
    run = write_run(tmp_path / "run", samples=samples, sample_scores=scores)
    scores_file = run / "scores.json"
    content = json.loads(scores_file.read_text())
    entry = {**content["scores"][0], "key": "Report-errors-false-finding", "higher_is_better": False}
    scores_file.write_text(json.dumps({**content, "scores": [*content["scores"], entry]}))
    with browser(tmp_path / "profile", width=max(width, 500)) as driver:
        size = {"width": width, "height": 850, "deviceScaleFactor": 1, "mobile": width < 500}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        driver.get(f"{write_report([run]).path.as_uri()}#cases")
        cut = """return [...document.querySelectorAll('#rows .row')].filter((row) => {
          const id = row.querySelector('.id');
          return id.scrollWidth > id.clientWidth + 1 || row.scrollHeight > row.clientHeight + 1;
        }).length"""
        assert driver.execute_script(cut) == 0
        assert ids(driver) == [long, f"{long}-2"]
        driver.execute_script("document.querySelector('#filters').open = true")
        (index,) = [at for at, name in enumerate(texts(driver, "#facets label > span")) if name == "errors"]
        select = driver.find_elements("css selector", "#facets select")[index]
        names = [option.text for option in select.find_elements("css selector", "option")]
        assert names == ["any", "false finding (1)", "none (1)"]
        select.send_keys("false")
        assert ids(driver) == [long]
