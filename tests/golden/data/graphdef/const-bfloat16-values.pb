
>
inputPlaceholder*
dtype0*
shape:
Ê
weightsConst*
dtype0*ª
value Bj†äú‚şÄ|²~¤wÆş€zÇzø}¼|¦|à}«|ıû°ı¨ş¦|ı³üÈ{Ä|y´üê}ß{×|Åıı·}°ıˆş‡|­z‰ı˜~¶|ñı­ıç~¯|çüŒøıšú…~áûøı¹ıÍ}ôù•ş„~•}—ü
/
cast_3Castweights*

DstT0*

SrcT0
P
outputConv2Dinputcast_3*
T0*
paddingSAME*
strides
"¸