#!/bin/sh
# needs: ghostscript
# Ghostscript: pages of curves, text, images and shadings drawn.
. "${0%/*}/load.inc"

inputs()
{
    cat > load.ps <<'EOF'
%!PS
/Helvetica findfont 9 scalefont setfont
/state 1 def
/chance { state 3571 mul 7919 add 599999 mod dup /state exch def exch mod } def
1 1 8 {
  /page exch def
  newpath
  1 1 1200 { pop
    600 chance 800 chance moveto
    600 chance 800 chance 600 chance 800 chance 600 chance 800 chance curveto
    256 chance 255 div 256 chance 255 div 256 chance 255 div setrgbcolor
    4 chance 2 div setlinewidth
    page 2 mod 0 eq { gsave fill grestore } if stroke
  } for
  1 1 60 { /line exch def
    0 setgray 30 line 12 mul moveto
    (the bearing, the distance and the stone at the corner: ) show line 20 string cvs show
  } for
  gsave 100 100 translate 300 300 scale
  128 128 8 [128 0 0 128 0 0] { 128 string dup 0 1 127 { 256 chance put dup } for pop } image
  grestore
  << /ShadingType 2 /ColorSpace /DeviceRGB /Coords [0 0 600 800] /Extend [true true]
     /Function << /FunctionType 2 /Domain [0 1] /C0 [1 0.9 0.8] /C1 [0.7 0.8 1] /N 1.5 >> >>
  gsave 400 600 150 150 rectclip shfill grestore
  showpage
} for
EOF
}

program() { exec gs -q -dBATCH -dNOPAUSE -dSAFER -sDEVICE=png16m -r100 -sOutputFile=- load.ps; }

load gs
