// Values of the generic API.
package io.pyrpc.kotlin

import io.pyrpc.kotlin.gen.Tensor
import io.pyrpc.kotlin.gen.Value

/**
 * A value for the generic API: of null, a Boolean, whole number, floating-point number, String, ByteArray, Tensor, List or
 * Map with Strings for keys. `value.fieldValue` is the way back.
 */
fun valueOf(element: Any?): Value = when (element) {
    null -> Value(Value._Fields.NULL_VALUE, true)
    is Value -> element
    is Boolean -> Value(Value._Fields.BOOL_VALUE, element)
    is Byte, is Short, is Int, is Long -> Value(Value._Fields.INT_VALUE, (element as Number).toLong())
    is Float, is Double -> Value(Value._Fields.DOUBLE_VALUE, (element as Number).toDouble())
    is String -> Value(Value._Fields.STRING_VALUE, element)
    is ByteArray -> Value(Value._Fields.BINARY_VALUE, element)
    is Tensor -> Value(Value._Fields.TENSOR_VALUE, element)
    is List<*> -> Value(Value._Fields.LIST_VALUE, element.map(::valueOf))
    is Map<*, *> -> Value(Value._Fields.MAP_VALUE, element.entries.associate { (key, value) -> keyOf(key) to valueOf(value) })
    else -> throw IllegalArgumentException(
        "a ${element::class.simpleName} is no value; expected null, a Boolean, number, String, ByteArray, Tensor, List or Map",
    )
}

private fun keyOf(key: Any?): String =
    key as? String ?: throw IllegalArgumentException("the key $key of a Map is no String")
