"""Processors without their part for videos, which transformers only has with torchvision; images need neither."""

from __future__ import annotations

from typing import Any

from transformers import ProcessorMixin

VIDEOS = "video_processor"


class _WithoutVideos(ProcessorMixin):  # type: ignore[misc]  # transformers is untyped
    """Stands between a processor and its base class, and takes the videos out of what the one hands to the other."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.pop(VIDEOS, None)
        super().__init__(*[part for part in args if part is not None], **kwargs)

    @classmethod
    def get_attributes(cls) -> list[str]:
        """The parts of the processor but the one for videos."""
        return [name for name in super().get_attributes() if name != VIDEOS]


def images_only(kind: type[Any]) -> type[Any]:
    """The class of a processor, without videos; it has the same name, which a saved processor is known by."""
    return type(kind.__name__, (kind, _WithoutVideos), {"__module__": kind.__module__})


def has_videos(model_type: str) -> bool:
    """Whether the processor of this type of model has a part for videos."""
    name = _processor_name(model_type)
    return name is not None and VIDEOS in _processor_class(name).get_attributes()


def _processor_name(model_type: str) -> str | None:
    from transformers.models.auto.processing_auto import PROCESSOR_MAPPING_NAMES

    name = PROCESSOR_MAPPING_NAMES.get(model_type)
    return None if name is None else str(name)


def _processor_class(name: str) -> Any:
    import transformers

    return getattr(transformers, name)


def load_images_only(folder: Any, model_type: str) -> Any:
    """The processor of a checkpoint, for images and text alone.

    Raises:
        ImportError: transformers knows no processor of this type, or its images need torchvision, too.
    """
    name = _processor_name(model_type)
    if name is None:
        raise ImportError(f"no processor is known for {model_type}")
    return images_only(_processor_class(name)).from_pretrained(folder, backend="pil")
