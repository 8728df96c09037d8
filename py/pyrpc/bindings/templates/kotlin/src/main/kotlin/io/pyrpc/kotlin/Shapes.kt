// Shapes, and which array of Kotlin a dtype is.
package io.pyrpc.kotlin

import io.pyrpc.kotlin.gen.DType
import io.pyrpc.kotlin.gen.Tensor
import java.nio.ByteBuffer
import java.nio.ByteOrder

// 16 bytes, the widest element, times as many are still a Long.
private const val MAX_ELEMENTS = Long.MAX_VALUE / 16

/** How many elements a shape has. */
internal fun countOf(shape: List<Long>): Long = shape.fold(1L) { count, dim ->
    require(dim >= 0) { "the shape $shape has a negative dimension" }
    require(dim == 0L || count <= MAX_ELEMENTS / dim) { "the shape $shape has too many elements" }
    count * dim
}

/** The shape, or that of one dimension; it must have so many elements. */
internal fun shapeOf(shape: LongArray, count: Long): List<Long> {
    val dims = if (shape.isEmpty()) listOf(count) else shape.toList()
    require(countOf(dims) == count) { "the shape $dims has ${countOf(dims)} elements, and there are $count" }
    return dims
}

/** Bytes of one element. */
internal fun widthOf(dtype: DType): Int = when (dtype) {
    DType.BOOL, DType.INT8, DType.UINT8 -> 1
    DType.INT16, DType.UINT16, DType.FLOAT16, DType.BFLOAT16 -> 2
    DType.INT32, DType.UINT32, DType.FLOAT32 -> 4
    DType.INT64, DType.UINT64, DType.FLOAT64, DType.COMPLEX64, DType.DATETIME64, DType.TIMEDELTA64 -> 8
    DType.COMPLEX128 -> 16
    DType.BYTES, DType.UNICODE, DType.STRING ->
        throw IllegalArgumentException("elements of $dtype have no width of their own; take toStrings()")
}

private fun arrayOf(dtype: DType): String = when (dtype) {
    DType.BOOL -> "BooleanArray"
    DType.INT8, DType.UINT8 -> "ByteArray"
    DType.INT16, DType.UINT16, DType.FLOAT16, DType.BFLOAT16 -> "ShortArray"
    DType.INT32, DType.UINT32 -> "IntArray"
    DType.INT64, DType.UINT64, DType.DATETIME64, DType.TIMEDELTA64 -> "LongArray"
    DType.FLOAT32, DType.COMPLEX64 -> "FloatArray"
    DType.FLOAT64, DType.COMPLEX128 -> "DoubleArray"
    DType.BYTES, DType.UNICODE, DType.STRING -> "List<String>"
}

/** Refuses a dtype that is another array. */
internal fun checkArray(dtype: DType, array: String) =
    require(arrayOf(dtype) == array) { "$dtype is a ${arrayOf(dtype)}, and not a $array" }

/** A number of bytes that memory can have. */
internal fun sizeOf(bytes: Long): Int {
    require(bytes <= MAX_FRAME_BYTES) { "$bytes bytes are more than fit in a call: $MAX_FRAME_BYTES" }
    return bytes.toInt()
}

/** What a tensor has, or why it is none: one of a node with another interface may lack something. */
internal fun Tensor.checkedDtype(): DType {
    require(dtype != null && shape != null && data != null) {
        "a tensor has dtype, shape and data; this one has not all: dtype $dtype, shape $shape"
    }
    return dtype!!
}

/** The memory of a tensor whose elements have so many bytes; it has exactly those of the shape. */
internal fun Tensor.elements(width: Int): ByteBuffer {
    val bytes = data!!.size
    val count = countOf(shape!!)
    // Divided, since a product may be more than a Long.
    val fits = if (width > 0) bytes % width == 0 && (bytes / width).toLong() == count else width == 0 && bytes == 0
    require(fits) { "the shape $shape has $count elements of $width bytes, and there are $bytes bytes" }
    return ByteBuffer.wrap(data).order(ByteOrder.LITTLE_ENDIAN)
}
