// Tensors of arrays, and back.
package io.pyrpc.kotlin

import io.pyrpc.kotlin.gen.DType
import io.pyrpc.kotlin.gen.Tensor
import java.nio.ByteBuffer
import java.nio.ByteOrder

// Arrays are in C order; without a shape they have one dimension. A ByteArray and a UByteArray become the memory of a
// tensor, and must not change during a call; all others are copied, once in each direction.

/** An array of FLOAT32, or pairs of COMPLEX64 (real, imaginary). */
fun tensorOf(elements: FloatArray, vararg shape: Long, dtype: DType = DType.FLOAT32): Tensor =
    tensor(dtype, "FloatArray", Float.SIZE_BYTES, elements.size, shape) { it.asFloatBuffer().put(elements) }

/** An array of FLOAT64, or pairs of COMPLEX128 (real, imaginary). */
fun tensorOf(elements: DoubleArray, vararg shape: Long, dtype: DType = DType.FLOAT64): Tensor =
    tensor(dtype, "DoubleArray", Double.SIZE_BYTES, elements.size, shape) { it.asDoubleBuffer().put(elements) }

/** An array of INT64, or counts of DATETIME64 and TIMEDELTA64, for which the tensor's unit is to be set. */
fun tensorOf(elements: LongArray, vararg shape: Long, dtype: DType = DType.INT64): Tensor =
    tensor(dtype, "LongArray", Long.SIZE_BYTES, elements.size, shape) { it.asLongBuffer().put(elements) }

/** An array of INT32. */
fun tensorOf(elements: IntArray, vararg shape: Long, dtype: DType = DType.INT32): Tensor =
    tensor(dtype, "IntArray", Int.SIZE_BYTES, elements.size, shape) { it.asIntBuffer().put(elements) }

/** An array of INT16, or bits of FLOAT16 and BFLOAT16. */
fun tensorOf(elements: ShortArray, vararg shape: Long, dtype: DType = DType.INT16): Tensor =
    tensor(dtype, "ShortArray", Short.SIZE_BYTES, elements.size, shape) { it.asShortBuffer().put(elements) }

/** An array of INT8, with the memory of [elements]. */
fun tensorOf(elements: ByteArray, vararg shape: Long, dtype: DType = DType.INT8): Tensor {
    checkArray(dtype, "ByteArray")
    return Tensor(dtype, shapeOf(shape, elements.size.toLong()), elements)
}

/** An array of BOOL. */
fun tensorOf(elements: BooleanArray, vararg shape: Long): Tensor {
    val data = ByteArray(elements.size) { if (elements[it]) 1 else 0 }
    return Tensor(DType.BOOL, shapeOf(shape, data.size.toLong()), data)
}

/** An array of UINT64. */
@ExperimentalUnsignedTypes
fun tensorOf(elements: ULongArray, vararg shape: Long): Tensor =
    tensorOf(elements.asLongArray(), *shape, dtype = DType.UINT64)

/** An array of UINT32. */
@ExperimentalUnsignedTypes
fun tensorOf(elements: UIntArray, vararg shape: Long): Tensor =
    tensorOf(elements.asIntArray(), *shape, dtype = DType.UINT32)

/** An array of UINT16. */
@ExperimentalUnsignedTypes
fun tensorOf(elements: UShortArray, vararg shape: Long): Tensor =
    tensorOf(elements.asShortArray(), *shape, dtype = DType.UINT16)

/** An array of UINT8, with the memory of [elements]. */
@ExperimentalUnsignedTypes
fun tensorOf(elements: UByteArray, vararg shape: Long): Tensor =
    tensorOf(elements.asByteArray(), *shape, dtype = DType.UINT8)

/** An array of texts, dtype STRING. */
fun tensorOf(texts: List<String>, vararg shape: Long): Tensor =
    Tensor(DType.STRING, shapeOf(shape, texts.size.toLong()), encoded(texts))

/** An array of any dtype of fixed width, from the buffer's position to its limit, little endian; copied. */
fun tensorOf(dtype: DType, elements: ByteBuffer, vararg shape: Long): Tensor {
    val width = widthOf(dtype)
    require(elements.remaining() % width == 0) {
        "${elements.remaining()} bytes are no whole number of elements of $dtype, of $width each"
    }
    val dims = shapeOf(shape, (elements.remaining() / width).toLong())
    return Tensor(dtype, dims, ByteArray(elements.remaining()).also { elements.duplicate().get(it) })
}

/** An array of zeros of a dtype whose elements are numbers; without a shape it is one number. */
fun zeros(dtype: DType, vararg shape: Long): Tensor {
    val bytes = Math.multiplyExact(countOf(shape.toList()), widthOf(dtype).toLong())
    return Tensor(dtype, shape.toList(), ByteArray(sizeOf(bytes)))
}

/** A little-endian view of the memory of a tensor of fixed width, without a copy. */
fun Tensor.toByteBuffer(): ByteBuffer = elements(widthOf(checkedDtype()))

/** Elements of FLOAT32, or pairs of COMPLEX64. */
fun Tensor.toFloatArray(): FloatArray = checked("FloatArray").asFloatBuffer().run { FloatArray(remaining()).also(::get) }

/** Elements of FLOAT64, or pairs of COMPLEX128. */
fun Tensor.toDoubleArray(): DoubleArray =
    checked("DoubleArray").asDoubleBuffer().run { DoubleArray(remaining()).also(::get) }

/** Elements of INT64, bits of UINT64, counts of DATETIME64 and TIMEDELTA64. */
fun Tensor.toLongArray(): LongArray = checked("LongArray").asLongBuffer().run { LongArray(remaining()).also(::get) }

/** Elements of INT32, or bits of UINT32. */
fun Tensor.toIntArray(): IntArray = checked("IntArray").asIntBuffer().run { IntArray(remaining()).also(::get) }

/** Elements of INT16, or bits of UINT16, FLOAT16 and BFLOAT16. */
fun Tensor.toShortArray(): ShortArray = checked("ShortArray").asShortBuffer().run { ShortArray(remaining()).also(::get) }

/** Elements of INT8, or bits of UINT8: the memory of the tensor itself. */
fun Tensor.toByteArray(): ByteArray = checked("ByteArray").array()

/** Elements of BOOL. */
fun Tensor.toBooleanArray(): BooleanArray = checked("BooleanArray").run { BooleanArray(remaining()) { get(it) != 0.toByte() } }

/** Elements of UINT64. */
@ExperimentalUnsignedTypes
fun Tensor.toULongArray(): ULongArray = toLongArray().asULongArray()

/** Elements of UINT32. */
@ExperimentalUnsignedTypes
fun Tensor.toUIntArray(): UIntArray = toIntArray().asUIntArray()

/** Elements of UINT16. */
@ExperimentalUnsignedTypes
fun Tensor.toUShortArray(): UShortArray = toShortArray().asUShortArray()

/** Elements of UINT8: the memory of the tensor itself. */
@ExperimentalUnsignedTypes
fun Tensor.toUByteArray(): UByteArray = toByteArray().asUByteArray()

/** Texts of STRING, UNICODE or BYTES (a character a byte); padding of fixed widths is taken off. */
fun Tensor.toStrings(): List<String> = when (val dtype = checkedDtype()) {
    DType.STRING -> variableTexts()
    DType.UNICODE, DType.BYTES -> fixedTexts()
    else -> throw IllegalArgumentException("the tensor holds $dtype, which is no text")
}

private fun Tensor.checked(array: String): ByteBuffer {
    val dtype = checkedDtype()
    checkArray(dtype, array)
    return elements(widthOf(dtype))
}

private fun tensor(
    dtype: DType,
    array: String,
    elementBytes: Int,
    size: Int,
    shape: LongArray,
    fill: (ByteBuffer) -> Unit,
): Tensor {
    checkArray(dtype, array)
    val bytes = size.toLong() * elementBytes
    // A complex number is two elements.
    val width = widthOf(dtype)
    require(bytes % width == 0L) { "$size parts are no whole number of elements of $dtype" }
    val dims = shapeOf(shape, bytes / width)
    val data = ByteArray(sizeOf(bytes))
    fill(ByteBuffer.wrap(data).order(ByteOrder.LITTLE_ENDIAN))
    return Tensor(dtype, dims, data)
}
