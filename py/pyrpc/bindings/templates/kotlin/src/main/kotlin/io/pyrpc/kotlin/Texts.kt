// Arrays of texts as bytes.
package io.pyrpc.kotlin

import io.pyrpc.kotlin.gen.DType
import io.pyrpc.kotlin.gen.Tensor
import java.nio.ByteBuffer
import java.nio.ByteOrder

// More texts than this are no array: each costs memory, even one without a byte.
private const val MAX_TEXTS = MAX_FRAME_BYTES / 8L

/** Data of dtype STRING: one more offset than texts, then the texts, in UTF-8. */
internal fun encoded(texts: List<String>): ByteArray {
    val parts = texts.mapIndexed { index, text ->
        try {
            text.encodeToByteArray(throwOnInvalidSequence = true)
        } catch (error: java.nio.charset.CharacterCodingException) {
            throw IllegalArgumentException("text $index is no Unicode: a surrogate stands alone", error)
        }
    }
    val data = ByteArray(sizeOf(8L * (texts.size + 1L) + parts.sumOf { it.size.toLong() }))
    val buffer = ByteBuffer.wrap(data).order(ByteOrder.LITTLE_ENDIAN)
    buffer.putLong(0)
    parts.fold(0L) { end, part -> (end + part.size).also(buffer::putLong) }
    parts.forEach(buffer::put)
    return data
}

internal fun Tensor.variableTexts(): List<String> {
    val bytes = data!!
    val count = countOf(shape!!)
    require(bytes.size / 8 > count) { "${bytes.size} bytes are too few for the offsets of $count texts" }
    val base = 8 * (count.toInt() + 1)
    val size = bytes.size - base
    val offsets = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN)
    return List(count.toInt()) { index ->
        val start = offsets.getLong(8 * index)
        val end = offsets.getLong(8 * index + 8)
        require(start in 0..end && end <= size) { "text $index goes from $start to $end of $size bytes" }
        bytes.decodeToString(base + start.toInt(), base + end.toInt())
    }
}

internal fun Tensor.fixedTexts(): List<String> {
    val width = itemsize ?: 0
    require(dtype != DType.UNICODE || width % 4 == 0) { "$width bytes are no whole number of code points" }
    val buffer = elements(width)
    val count = countOf(shape!!)
    require(count <= MAX_TEXTS) { "$count texts are too many" }
    return List(count.toInt()) { index ->
        val text = if (dtype == DType.UNICODE) buffer.codePoints(index, width) else buffer.latin(index, width)
        text.trimEnd('\u0000')
    }
}

private fun ByteBuffer.codePoints(index: Int, width: Int): String = buildString {
    for (place in 0 until width / 4) {
        appendCodePoint(getInt(index * width + 4 * place))
    }
}

private fun ByteBuffer.latin(index: Int, width: Int): String =
    String(array(), arrayOffset() + index * width, width, Charsets.ISO_8859_1)
