"""Which elements of an OFD stand in which others (GB/T 33190-2016), and which of them there may be several of.

Media (Sound, Movie), files that are opened (GotoA), pictures for print alone (Substitution), versions, extensions and
periods of validity are left out: `screening.py` lets nothing through that is not here.
"""

from collections.abc import Mapping

_UNIT = "Actions Clips"
_DRAWN = "TextObject* PathObject* ImageObject* CompositeObject* PageBlock*"
_COLOUR = "Pattern AxialShd RadialShd GouraudShd LaGouraudShd LaGourandShd"
_BOXES = "PhysicalBox ApplicationBox ContentBox BleedBox"
_OUTLINE = "Move* Line* QuadraticBezier* CubicBezier* Arc* Close*"
_TEXT = f"{_UNIT} FillColor StrokeColor CGTransform* TextCode*"
_PATH = f"{_UNIT} FillColor StrokeColor AbbreviatedData"
# With a star: any number of them. Before a dot: in files with this root alone. What is not listed holds no elements.
_HOLDS = {
    "OFD": "DocBody",
    "DocBody": "DocInfo DocRoot Signatures",
    "DocInfo": "DocID Title Author Subject Abstract CreationDate ModDate DocUsage Cover Keywords Creator "
    "CreatorVersion CustomDatas",
    "Keywords": "Keyword*",
    "CustomDatas": "CustomData*",
    "Document": "CommonData Pages Outlines Permissions Actions VPreferences Bookmarks Annotations CustomTags "
    "Attachments",
    "CommonData": "MaxUnitID PageArea PublicRes* DocumentRes* TemplatePage* DefaultCS",
    "PageArea": _BOXES,
    "Pages": "Page*",
    "Outlines": "OutlineElem*",
    "OutlineElem": "Actions OutlineElem*",
    "Permissions": "Edit Annot Export Signature Watermark PrintScreen Print",
    "VPreferences": "PageMode PageLayout TabDisplay HideToolbar HideMenubar HideWindowUI ZoomMode Zoom",
    "Bookmarks": "Bookmark*",
    "Bookmark": "Dest",
    "Actions": "Action*",
    "Action": "Region Goto URI",
    "Region": "Area*",
    "Goto": "Dest Bookmark",
    "Page.Page": "Template* PageRes* Area Content Actions",
    "Page.Content": "Layer*",
    # Of a page, of a region and of a clip.
    "Area": f"{_BOXES} {_OUTLINE} Path Text",
    "Layer": _DRAWN,
    "PageBlock": _DRAWN,
    "TextObject": _TEXT,
    "Text": _TEXT,
    "PathObject": _PATH,
    "Path": _PATH,
    "ImageObject": f"{_UNIT} Border",
    "CompositeObject": _UNIT,
    "Clips": "Clip*",
    "Clip": "Area*",
    "CGTransform": "Glyphs",
    "Border": "BorderColor",
    "FillColor": _COLOUR,
    "StrokeColor": _COLOUR,
    "BorderColor": _COLOUR,
    "Color": _COLOUR,
    "BackColor": _COLOUR,
    "Pattern": "CellContent",
    "CellContent": _DRAWN,
    "AxialShd": "Segment*",
    "RadialShd": "Segment*",
    "Segment": "Color",
    "GouraudShd": "Point* BackColor",
    "LaGouraudShd": "Point* BackColor",
    "LaGourandShd": "Point* BackColor",
    "Point": "Color",
    "Res": "ColorSpaces* DrawParams* Fonts* MultiMedias* CompositeGraphicUnits*",
    "ColorSpaces": "ColorSpace*",
    "ColorSpace": "Palette",
    "Palette": "CV*",
    "DrawParams": "DrawParam*",
    "DrawParam": "FillColor StrokeColor",
    "Fonts": "Font*",
    "Font": "FontFile",
    "MultiMedias": "MultiMedia*",
    "MultiMedia": "MediaFile",
    "CompositeGraphicUnits": "CompositeGraphicUnit*",
    "CompositeGraphicUnit": "Thumbnail Content",
    "Content": _DRAWN,
    "Annotations": "Page*",
    "Annotations.Page": "FileLoc",
    "PageAnnot": "Annot*",
    "Annot": "Remark Parameters Appearance",
    "Parameters": "Parameter*",
    "Appearance": _DRAWN,
    "Attachments": "Attachment*",
    "Attachment": "FileLoc",
    "CustomTags": "CustomTag*",
    "CustomTag": "SchemaLoc FileLoc",
}
_SEVERAL: Mapping[str, Mapping[str, bool]] = {
    name: {each.removesuffix("*"): each.endswith("*") for each in held.split()} for name, held in _HOLDS.items()
}


def held_by(kind: str, name: str) -> Mapping[str, bool]:
    """What an element of this name holds in a file with this root, and whether several of it."""
    return _SEVERAL.get(f"{kind}.{name}", _SEVERAL.get(name, {}))
