"""What a network runs on."""

from __future__ import annotations

import torch

from common.parallel import cores


def has_bfloat16(device: torch.device) -> bool:
    """Whether a device has bf16 units."""
    capabilities = torch.cpu.get_capabilities()
    return device.type == "cuda" or bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def device_name(device: torch.device) -> str:
    """The device for people, with the precision of the image network; it decides the last digits."""
    precision = "bf16" if has_bfloat16(device) else "fp32"
    if device.type == "cuda":
        return f"cuda: {torch.cuda.get_device_name(device)}, {precision}"
    return f"cpu: {cores()} cores, {precision}"
