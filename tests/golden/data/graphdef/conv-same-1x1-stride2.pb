
>
inputPlaceholder*
dtype0*
shape:	
|
const_2Const*
dtype0*]
valueTBR"<•¹â¾ÀÀ<?¼Ÿ¿á—]?TÆ¸>³¬g>µ¦Ø¿‡¸£¿ŽßW?ÝÃ¿¢‹¶¾a7~¿ËÀ^%‡¾ë(|<
€
outputConv2Dinputconst_2*
T0*
data_formatNHWC*
paddingSAME*
strides
*
use_cudnn_on_gpu("¸