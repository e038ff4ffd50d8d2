"""The words of the generated catalogue: what a shop for outdoors and home could sell."""

from __future__ import annotations

CATEGORIES: dict[str, tuple[str, ...]] = {
    "tents": ("tent", "tarp", "shelter", "bivouac"),
    "lanterns": ("lantern", "headlamp", "torch", "lamp"),
    "stoves": ("stove", "burner", "kettle", "cookset"),
    "boots": ("boot", "trail shoe", "gaiter", "sandal"),
    "backpacks": ("backpack", "daypack", "pannier", "duffel"),
    "knives": ("knife", "multitool", "hatchet", "saw"),
    "bakeware": ("loaf tin", "mixing bowl", "rolling pin", "cake ring"),
    "coffee": ("grinder", "dripper", "french press", "milk jug"),
    "tea": ("teapot", "infuser", "tea tray", "cup set"),
    "planters": ("planter", "hanging pot", "trellis", "seed tray"),
    "tools": ("trowel", "pruner", "watering can", "rake"),
    "blankets": ("blanket", "quilt", "cushion", "throw"),
}
"""Each category with its things."""
COMPLEMENTS: dict[str, tuple[str, ...]] = {
    "tents": ("lanterns", "stoves"),
    "lanterns": ("tents", "backpacks"),
    "stoves": ("coffee", "tents"),
    "boots": ("backpacks", "tents"),
    "backpacks": ("boots", "knives"),
    "knives": ("stoves", "tools"),
    "bakeware": ("tea", "coffee"),
    "coffee": ("bakeware", "tea"),
    "tea": ("blankets", "bakeware"),
    "planters": ("tools", "tea"),
    "tools": ("planters", "knives"),
    "blankets": ("tea", "lanterns"),
}
"""Where people go on to look after a category."""
STYLES: dict[str, tuple[str, ...]] = {
    "ultralight": ("ultralight", "titanium", "packable", "weighs little"),
    "rugged": ("rugged", "steel", "heavy duty", "made to last"),
    "nordic": ("nordic", "birch", "plain", "quiet colours"),
    "vintage": ("vintage", "brass", "enamel", "as in old times"),
}
"""Each style with words of it; its name is the first one."""
BRANDS = (
    "Alder", "Brisk", "Corvid", "Dovetail", "Ember", "Fathom", "Gannet", "Hollin", "Isbre", "Juniper", "Kestrel",
    "Larkspur", "Moss", "Nimbus", "Oxbow", "Pebble", "Quill", "Rowan", "Sorrel", "Tern",
)  # fmt: skip
