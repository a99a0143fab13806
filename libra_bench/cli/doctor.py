"""`doctor`: what works on this machine, and how to get the rest."""

from __future__ import annotations

from dataclasses import asdict

from libra_bench.cli import options as o
from libra_bench.cli import output
from libra_bench.cli.listing import Item, Listing, grouped

HEADINGS = {
    "machine": "Machine",
    "package": "Packages",
    "model": "Models (`libra-bench models`)",
    "metric": "Metrics (`libra-bench metrics`)",
}

MARKS = {"ok": "ok", "absent": "– ", "broken": "!!"}


def doctor(as_json: o.Json = False) -> None:
    """Check what works on this machine, and how to get the rest."""
    from libra_bench.cli.machine import Finding, examine

    findings = examine()

    def works(kind: str) -> str:
        states = [finding.state for finding in findings if finding.kind == kind]
        return f"{states.count('ok')} of {len(states)} {kind}s"

    def item(finding: Finding) -> tuple[str, Item]:
        ok = finding.state == "ok"
        about = finding.short or (finding.found if ok else finding.remedy)
        if finding.kind == "machine":
            return HEADINGS[finding.kind], Item(finding.name, finding.found + ("" if ok else f"; {finding.remedy}"))
        if finding.kind == "metric" and ok:
            about = ""  # a signature, which `metrics show` has
        return HEADINGS[finding.kind], Item(finding.name, f"{MARKS[finding.state]}  {about}".rstrip(), dim=not ok)

    broken = [finding for finding in findings if finding.state == "broken"]
    summary = f"Here: {works('package')}, {works('model')}, {works('metric')}."
    if broken:
        summary += f" Broken: {', '.join(f'{one.name} ({one.remedy})' for one in broken)}."
    listing = Listing(
        summary,
        grouped(map(item, findings), HEADINGS.values()),
        ("kind", "name", "state", "found", "to get the rest"),
        [(one.kind, one.name, one.state, one.found, one.remedy) for one in findings],
        ["–: not here, and optional. A hub id is fetched when first used; docs/weights.md says how to get the rest."],
    )
    output.result([asdict(finding) for finding in findings], listing, as_json=as_json)
