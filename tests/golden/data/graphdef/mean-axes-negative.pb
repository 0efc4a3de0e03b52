
>
inputPlaceholder*
dtype0*
shape:
<
const_2Const*
dtype0*
valueB"ýÿÿÿþÿÿÿ
3
outputMeaninputconst_2*

Tidx0*
T0"¸