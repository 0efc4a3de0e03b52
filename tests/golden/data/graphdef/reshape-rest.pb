
>
inputPlaceholder*
dtype0*
shape:
?
const_2Const*
dtype0	* 
valueB	Rÿÿÿÿÿÿÿÿÿ
8
outputReshapeinputconst_2*
Tshape0	*
T0"¸