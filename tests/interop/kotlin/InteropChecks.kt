// Checks a node from Kotlin, and prints a line for each check.
@file:OptIn(ExperimentalUnsignedTypes::class)

import interop_idl.InteropClient
import interop_idl.Mood
import interop_idl.Region
import io.pyrpc.kotlin.Connection
import io.pyrpc.kotlin.ConnectionConfig
import io.pyrpc.kotlin.gen.DType
import io.pyrpc.kotlin.gen.ErrorCode
import io.pyrpc.kotlin.gen.RpcError
import io.pyrpc.kotlin.gen.Tensor
import io.pyrpc.kotlin.tensorOf
import io.pyrpc.kotlin.tlsTrusting
import io.pyrpc.kotlin.toBooleanArray
import io.pyrpc.kotlin.toByteArray
import io.pyrpc.kotlin.toByteBuffer
import io.pyrpc.kotlin.toDoubleArray
import io.pyrpc.kotlin.toFloatArray
import io.pyrpc.kotlin.toIntArray
import io.pyrpc.kotlin.toLongArray
import io.pyrpc.kotlin.toShortArray
import io.pyrpc.kotlin.toStrings
import io.pyrpc.kotlin.toUByteArray
import io.pyrpc.kotlin.toUIntArray
import io.pyrpc.kotlin.toULongArray
import io.pyrpc.kotlin.toUShortArray
import io.pyrpc.kotlin.valueOf
import io.pyrpc.kotlin.zeros
import java.io.PrintStream
import java.nio.ByteBuffer
import java.nio.file.Path
import javax.net.ssl.SSLContext
import javax.net.ssl.SSLHandshakeException
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.minutes
import kotlin.time.Duration.Companion.seconds
import kotlin.time.TimeSource
import kotlinx.coroutines.TimeoutCancellationException
import kotlinx.coroutines.withTimeout
import org.apache.thrift.transport.TTransportException

private val out = PrintStream(System.out, true, Charsets.UTF_8)

private suspend fun check(name: String, run: suspend () -> String) {
    try {
        val note = run()
        out.println(if (note.isEmpty()) "ok $name" else "ok $name: $note")
    } catch (error: Throwable) {
        out.println("fail $name: ${error.toString().replace('\n', ' ')}")
    }
}

private fun expect(isRight: Boolean, found: () -> Any?) {
    if (!isRight) throw AssertionError("found ${found()}")
}

private suspend inline fun <reified T : Throwable> raised(crossinline run: suspend () -> Unit): T {
    try {
        run()
    } catch (error: Throwable) {
        if (error is T) return error
        throw error
    }
    throw AssertionError("no ${T::class.simpleName}")
}

private class InteropChecks(
    private val host: String,
    private val port: Int,
    private val config: ConnectionConfig,
    private val connection: Connection,
) {
    private val interop = InteropClient(connection.service("Interop"))

    suspend fun ping(): String {
        expect(connection.node.ping().protocol_version == 1) { "another version" }
        return ""
    }

    suspend fun typed(): String {
        val sum = interop.add(1, 2)
        expect(sum == 3L) { sum }
        return ""
    }

    suspend fun plain(): String {
        expect(InteropClient(connection.plain()).add(1, 2) == 3L) { "another sum" }
        return ""
    }

    suspend fun generic(): String {
        val options = connection.options()
        var reply = connection.node.call("Interop.add", listOf(valueOf(1)), mapOf("b" to valueOf(5)), options)
        expect(reply.value?.fieldValue == 6L) { reply.value }
        reply = connection.node.call("Interop.add", listOf(valueOf(1L shl 40), valueOf(1)), mapOf(), options)
        expect(reply.value?.fieldValue == (1L shl 40) + 1) { reply.value }
        return ""
    }

    suspend fun struct(): String {
        val pixels = zeros(DType.UINT8, 2, 2)
        val region = Region(2, 3.0, "é", listOf(Mood.CALM), mapOf("a" to 0.5), pixels)
        var grown = interop.grown(region)
        expect(grown.x == 3L && grown.y == 3.0 && grown.label == "é") { grown }
        expect(grown.moods == listOf(Mood.CALM, Mood.LOUD)) { grown.moods }
        expect(grown.scores == mapOf("a" to 0.5, "area" to 6.0)) { grown.scores }
        expect(grown.pixels?.toUByteArray().contentEquals(UByteArray(4) { 1u })) { grown.pixels }
        grown = interop.grown(Region(x = 2, y = 3.0))
        expect(grown.label == null && grown.pixels == null) { grown }
        return ""
    }

    suspend fun text(): String {
        val reversed = interop.reversed("aé😀")
        expect(reversed == "😀éa") { reversed }
        return ""
    }

    suspend fun large(): String {
        val rows = 1_000_000L
        val elements = FloatArray(4 * rows.toInt()) { (it % 1000).toFloat() }
        val tensor = tensorOf(elements, rows, 4)
        val compare = { result: Tensor ->
            expect(result.shape == listOf(rows, 4L)) { result.shape }
            result.toFloatArray().forEachIndexed { index, element -> expect(element == 2 * elements[index]) { element } }
        }
        compare(interop.doubled(tensor))
        val reply = connection.node.run("Interop.doubled", listOf(valueOf(tensor)), mapOf(), rows, connection.options())
        compare(reply.value?.fieldValue as Tensor)
        return ""
    }

    suspend fun larger(): String {
        val elements = ByteArray(64 shl 20) { (it % 251).toByte() }
        val tensor = tensorOf(elements, dtype = DType.UINT8)
        val reply = connection.node.call("Interop.echo", listOf(valueOf(tensor)), mapOf(), connection.options())
        expect((reply.value?.fieldValue as Tensor).toByteArray().contentEquals(elements)) { "other bytes, generic" }
        expect(interop.echo(tensor).toByteBuffer() == ByteBuffer.wrap(elements)) { "other bytes, typed" }
        return ""
    }

    suspend fun errors(): String {
        var error = raised<RpcError> { interop.doubled(tensorOf(IntArray(8), 2, 4)) }
        expect(error.code == ErrorCode.CONTRACT_VIOLATED && error.expected != null && error.got != null) { error }
        error = raised<RpcError> { interop.fail("on purpose") }
        expect(error.code == ErrorCode.STAGE_FAILED && error.remote_type == "ValueError") { error }
        expect("on purpose" in error.message.orEmpty()) { error.message }
        return typed()
    }

    suspend fun deadline(): String {
        val reply = connection.node.call("Interop.left_s", listOf(), mapOf(), connection.options(1.minutes))
        val left = reply.value?.fieldValue as Double
        expect(left > 0 && left <= 60) { left }
        val over = connection.options(0.seconds)
        val error = raised<RpcError> { connection.node.call("Interop.left_s", listOf(), mapOf(), over) }
        expect(error.code == ErrorCode.EXPIRED) { error }
        val began = TimeSource.Monotonic.markNow()
        Connection.open(host, port, config.copy(timeout = 500.milliseconds)).use { impatient ->
            raised<TTransportException> { InteropClient(impatient.service("Interop")).sleep(10.0) }
            expect(!impatient.isOpen) { "it is still open" }
        }
        Connection.open(host, port, config).use { cancelled ->
            val client = InteropClient(cancelled.service("Interop"))
            raised<TimeoutCancellationException> { withTimeout(200.milliseconds) { client.sleep(10.0) } }
            expect(!cancelled.isOpen) { "it is still open" }
        }
        expect(began.elapsedNow() < 5.seconds) { began.elapsedNow() }
        return ""
    }

    suspend fun tls(): String {
        val tlsPort = System.getenv("PYRPC_TLS_PORT").toInt()
        val trusting = config.copy(tls = tlsTrusting(Path.of(System.getenv("PYRPC_TLS_CA"))))
        val right = trusting.copy(token = System.getenv("PYRPC_TLS_TOKEN"))
        Connection.open("localhost", tlsPort, right).use { secure ->
            expect(InteropClient(secure.service("Interop")).add(1, 2) == 3L) { "another sum" }
            val reply = secure.node.call("Interop.add", listOf(valueOf(1)), mapOf(), secure.options())
            expect(reply.value?.fieldValue == 3L) { reply.value }
        }
        for (other in listOf(null, "guessed")) {
            val error = raised<RpcError> { Connection.open("localhost", tlsPort, trusting.copy(token = other)) }
            expect(error.code == ErrorCode.UNAUTHENTICATED) { error }
        }
        val system = right.copy(tls = SSLContext.getDefault())
        for ((name, config) in listOf("127.0.0.1" to right, "localhost" to system)) {
            val error = raised<TTransportException> { Connection.open(name, tlsPort, config) }
            expect(generateSequence<Throwable>(error) { it.cause }.any { it is SSLHandshakeException }) { error }
        }
        return ""
    }

    /** Arrays of one dtype: what comes is [expected], and what is made of that is what the node has. */
    private suspend fun <T : Any> dtype(note: String, dtype: DType, expected: T, read: Tensor.() -> T, made: (T) -> Tensor) {
        val name = dtype.name.lowercase()
        check("dtype $name") {
            val sample = interop.sample(name)
            expect(sample.shape == listOf(2L, 3L) && sample.dtype == dtype) { sample }
            val found = sample.read()
            expect(arrayOf<Any>(found).contentDeepEquals(arrayOf<Any>(expected))) { arrayOf<Any>(found).contentDeepToString() }
            val own = made(expected)
            if (sample.unit != null) {
                expect(sample.unit == if (dtype == DType.DATETIME64) "ns" else "ms") { sample.unit }
                own.unit = sample.unit
            }
            interop.check(name, own)
            note
        }
    }

    private suspend fun texts(dtype: DType, vararg expected: String) {
        val name = dtype.name.lowercase()
        check("dtype $name") {
            val sample = interop.sample(name)
            expect(sample.toStrings() == expected.toList()) { sample.toStrings() }
            interop.check(name, if (dtype == DType.STRING) tensorOf(expected.toList(), 2, 3) else sample)
            if (dtype == DType.STRING) "List<String>" else "read as List<String>"
        }
    }

    suspend fun integers() {
        val bytes = byteArrayOf(Byte.MIN_VALUE, -1, 0, 3, 126, Byte.MAX_VALUE)
        dtype("ByteArray", DType.INT8, bytes, { toByteArray() }) { tensorOf(it, 2, 3) }
        val shorts = shortArrayOf(Short.MIN_VALUE, -1, 0, 3, 32766, Short.MAX_VALUE)
        dtype("ShortArray", DType.INT16, shorts, { toShortArray() }) { tensorOf(it, 2, 3) }
        val ints = intArrayOf(Int.MIN_VALUE, -1, 0, 3, Int.MAX_VALUE - 1, Int.MAX_VALUE)
        dtype("IntArray", DType.INT32, ints, { toIntArray() }) { tensorOf(it, 2, 3) }
        val longs = longArrayOf(Long.MIN_VALUE, -1, 0, 3, Long.MAX_VALUE - 1, Long.MAX_VALUE)
        dtype("LongArray", DType.INT64, longs, { toLongArray() }) { tensorOf(it, 2, 3) }
        val unsignedBytes = ubyteArrayOf(0u, 1u, 2u, 3u, 254u, 255u)
        dtype("UByteArray", DType.UINT8, unsignedBytes, { toUByteArray() }) { tensorOf(it, 2, 3) }
        val unsignedShorts = ushortArrayOf(0u, 1u, 2u, 3u, 65534u, 65535u)
        dtype("UShortArray", DType.UINT16, unsignedShorts, { toUShortArray() }) { tensorOf(it, 2, 3) }
        val unsignedInts = uintArrayOf(0u, 1u, 2u, 3u, UInt.MAX_VALUE - 1u, UInt.MAX_VALUE)
        dtype("UIntArray", DType.UINT32, unsignedInts, { toUIntArray() }) { tensorOf(it, 2, 3) }
        val unsignedLongs = ulongArrayOf(0u, 1u, 2u, 3u, ULong.MAX_VALUE - 1u, ULong.MAX_VALUE)
        dtype("ULongArray", DType.UINT64, unsignedLongs, { toULongArray() }) { tensorOf(it, 2, 3) }
    }

    suspend fun floats() {
        val halves = intArrayOf(0xBE00, 0x8000, 0, 0x3800, 0x4000, 0x7C00).map { it.toShort() }.toShortArray()
        dtype("bits in ShortArray", DType.FLOAT16, halves, { toShortArray() }) { tensorOf(it, 2, 3, dtype = DType.FLOAT16) }
        val brains = intArrayOf(0xBFC0, 0x8000, 0, 0x3F00, 0x4000, 0x7F80).map { it.toShort() }.toShortArray()
        dtype("bits in ShortArray", DType.BFLOAT16, brains, { toShortArray() }) {
            tensorOf(it, 2, 3, dtype = DType.BFLOAT16)
        }
        val floats = floatArrayOf(-1.5f, -0.0f, 0f, 0.5f, 2f, Float.POSITIVE_INFINITY)
        dtype("FloatArray", DType.FLOAT32, floats, { toFloatArray() }) { tensorOf(it, 2, 3) }
        val doubles = doubleArrayOf(-1.5, -0.0, 0.0, 0.5, 2.0, Double.POSITIVE_INFINITY)
        dtype("DoubleArray", DType.FLOAT64, doubles, { toDoubleArray() }) { tensorOf(it, 2, 3) }
        // Index - index i is what NumPy has, and a whole number has no negative zero.
        val wide = DoubleArray(12) { if (it % 2 == 0) it / 2 + 0.5 else 0.0 - it / 2 }
        dtype("pairs in DoubleArray", DType.COMPLEX128, wide, { toDoubleArray() }) {
            tensorOf(it, 2, 3, dtype = DType.COMPLEX128)
        }
        val pairs = FloatArray(12) { wide[it].toFloat() }
        dtype("pairs in FloatArray", DType.COMPLEX64, pairs, { toFloatArray() }) {
            tensorOf(it, 2, 3, dtype = DType.COMPLEX64)
        }
    }

    suspend fun others() {
        val booleans = booleanArrayOf(true, false, true, true, false, false)
        dtype("BooleanArray", DType.BOOL, booleans, { toBooleanArray() }) { tensorOf(it, 2, 3) }
        val counts = longArrayOf(0, 1, -1, 1000, 86_400_000, Long.MIN_VALUE)
        for (dtype in listOf(DType.DATETIME64, DType.TIMEDELTA64)) {
            dtype("counts in LongArray", dtype, counts, { toLongArray() }) { tensorOf(it, 2, 3, dtype = dtype) }
        }
        texts(DType.BYTES, "", "a", "ab", "abc", "x", "y\u0000z")
        texts(DType.UNICODE, "", "a", "ab", "é", "😀", "z😀")
        texts(DType.STRING, "", "a", "ab", "é", "😀", "longer than all the others")
    }
}

/** What is no array is refused before anything is sent, and what a node sends is not believed. */
private suspend fun checkRefusals() {
    raised<IllegalArgumentException> { tensorOf(FloatArray(6), 2, 2) }
    raised<IllegalArgumentException> { tensorOf(FloatArray(6), -2, -3) }
    raised<IllegalArgumentException> { tensorOf(FloatArray(0), 1L shl 62, 1L shl 62) }
    raised<IllegalArgumentException> { tensorOf(DType.FLOAT32, ByteBuffer.allocate(7)) }
    raised<IllegalArgumentException> { tensorOf(FloatArray(6), dtype = DType.INT32) }
    raised<IllegalArgumentException> { tensorOf(FloatArray(3), dtype = DType.COMPLEX64) }
    raised<IllegalArgumentException> { zeros(DType.STRING, 2) }
    raised<IllegalArgumentException> { zeros(DType.INT64, 1L shl 40) }
    raised<IllegalArgumentException> { tensorOf(listOf("\ud800")) }
    raised<IllegalArgumentException> { Tensor().toFloatArray() }
    raised<IllegalArgumentException> { tensorOf(FloatArray(6)).toIntArray() }
    raised<IllegalArgumentException> { tensorOf(FloatArray(6)).copy(shape = listOf(1L shl 62, 4)).toFloatArray() }
    raised<IllegalArgumentException> { tensorOf(FloatArray(6)).copy(shape = listOf(5)).toFloatArray() }
    raised<IllegalArgumentException> { tensorOf(listOf("a")).copy(shape = listOf(1L shl 59)).toStrings() }
    val texts = tensorOf(listOf("a", "b"))
    ByteBuffer.wrap(texts.data).putLong(8, 1L shl 60)
    raised<IllegalArgumentException> { texts.toStrings() }
    val wide = Tensor(DType.UNICODE, listOf(2), ByteArray(8))
    raised<IllegalArgumentException> { wide.copy(itemsize = Int.MIN_VALUE).toStrings() }
    raised<IllegalArgumentException> { wide.copy(itemsize = 3).toStrings() }
    raised<IllegalArgumentException> { wide.copy(itemsize = 4, shape = listOf(1L shl 61)).toStrings() }
    ByteBuffer.wrap(wide.data).putInt(0, -1)
    raised<IllegalArgumentException> { wide.copy(itemsize = 4).toStrings() }
    raised<IllegalArgumentException> { valueOf(Any()) }
}

suspend fun main(arguments: Array<String>) {
    val (host, port, protocol) = arguments
    val config = ConnectionConfig(compact = protocol == "compact")
    checkRefusals()
    Connection.open(host, port.toInt(), config).use { connection ->
        val checks = InteropChecks(host, port.toInt(), config, connection)
        check("ping", checks::ping)
        check("typed call", checks::typed)
        check("plain name", checks::plain)
        check("generic call", checks::generic)
        check("struct", checks::struct)
        check("text", checks::text)
        check("16 MB", checks::large)
        check("64 MiB", checks::larger)
        check("typed error", checks::errors)
        check("deadline", checks::deadline)
        check("tls", checks::tls)
        checks.integers()
        checks.floats()
        checks.others()
    }
}
