
>
inputPlaceholder*
dtype0*
shape:
œ
const_2Const*
dtype0*ü
valueòBï"Ø›¯<>Ó§>Æî=Ü>åJ¾ÜÍÍ>ïÇL¾ƒC·½ú9#¾ğ*Û¾ë¦/¾ëÍ¹=—=]¢>Î÷’¾Ø‰¾¾ót¾PR¿GE´»[8ú:Î¡>ı«¾h||¾X®=ãR‚=ÙD»¾w¶>´áV>ÚQ®¾»M>5¡/½”Î¸½Ş+¾^ÛŠ¾@*¾Çt.;	Æò¾¸ğ>tËÏ>$Œ<WP¾(bÁ½rß>!¤
¿4'?™òÔ¾TŞ=å¿I¾Í¦@?6`=q	=ßH³¾¥Åä¼¿+$¾
S
conv2d_3Conv2Dinputconst_2*
T0*
paddingSAME*
strides

@
const_4Const*
dtype0*!
valueB"ÀIM¿äå¾Š§¾
-
outputBiasAddconv2d_3const_4*
T0"¸