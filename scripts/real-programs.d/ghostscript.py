"""ghostscript: a generated document drawn to PNG, written to PDF and drawn again"""

NEEDS = {"gs": "ghostscript"}

PAGE = """%!PS
/Helvetica findfont 9 scalefont setfont
/state 1 def
/chance { state 1103515 mul 12345 add 2147483 mod dup /state exch def exch mod } def
1 1 {pages} {{
  /page exch def
  newpath
  1 1 1500 {{ pop
    600 chance 800 chance moveto
    600 chance 800 chance 600 chance 800 chance 600 chance 800 chance curveto
    256 chance 255 div 256 chance 255 div 256 chance 255 div setrgbcolor
    4 chance 2 div setlinewidth
    page 2 mod 0 eq {{ gsave fill grestore }} if stroke
  }} for
  1 1 60 {{ /line exch def
    0 setgray 30 line 12 mul moveto
    (the bearing, the distance and the stone at the corner: ) show line 20 string cvs show
  }} for
  gsave 100 100 translate 300 300 scale
  128 128 8 [128 0 0 128 0 0] {{ 128 string dup 0 1 127 {{ 256 chance put dup }} for pop }} image
  grestore
  << /ShadingType 2 /ColorSpace /DeviceRGB /Coords [0 0 600 800] /Extend [true true]
     /Function << /FunctionType 2 /Domain [0 1] /C0 [1 0.9 0.8] /C1 [0.7 0.8 1] /N 1.5 >> >>
  gsave 400 600 150 150 rectclip shfill grestore
  showpage
}} for
"""


def load(run):
    pages = 3 * run.scale
    run.write("document.ps", PAGE.replace("{pages}", str(pages)).replace("{{", "{").replace("}}", "}"))
    gs = ["gs", "-q", "-dBATCH", "-dNOPAUSE", "-dSAFER"]
    draw = [*gs, "-sDEVICE=png16m", "-r150", "-dNumRenderingThreads=2", "-dMaxBitmap=1000000", "-dBufferSpace=2000000"]
    run.call([*draw, "-sOutputFile=page-%d.png", "document.ps"], calls=1_000)
    run.call([*gs, "-sDEVICE=pdfwrite", "-sOutputFile=document.pdf", "document.ps"], calls=1_000)
    run.call([*draw, "-sOutputFile=again-%d.png", "document.pdf"], calls=1_000)
    run.call([*gs, "-sDEVICE=txtwrite", "-sOutputFile=-", "document.pdf"], calls=1_000)
    run.keep(*(f"{stem}-{page}.png" for stem in ("page", "again") for page in range(1, pages + 1)))
