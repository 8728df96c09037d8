<?php

// Tensors of PHP arrays, and back.

declare(strict_types=1);

namespace Pyrpc;

use PyrpcIdl\DType;
use PyrpcIdl\Tensor;

/**
 * An array of PHP has the elements of a tensor in C order, whatever its shape: array_chunk($elements, $columns) makes
 * rows of it. Elements are copied one by one; bytes() and ofBytes() do not copy, and suit what is large.
 *
 * Bad input is an InvalidArgumentException; a tensor that is none, as a node may send it, an UnexpectedValueException.
 */
final class Arrays
{
    /** Elements that are packed and unpacked at once. */
    private const SLICE = 1 << 16;

    /** Elements that a tensor without data may have; they take memory here. */
    private const EMPTY_ELEMENTS = 1 << 20;

    /** The format of pack(), the bytes of an element, and what one is in PHP. Complex ones are two numbers. */
    private const NUMBERS = [
        DType::BOOL => ['C', 1, 'bool'],
        DType::INT8 => ['c', 1, [-0x80, 0x7F]],
        DType::INT16 => ['s', 2, [-0x8000, 0x7FFF]],
        DType::INT32 => ['l', 4, [-0x80000000, 0x7FFFFFFF]],
        DType::INT64 => ['q', 8, [PHP_INT_MIN, PHP_INT_MAX]],
        DType::UINT8 => ['C', 1, [0, 0xFF]],
        DType::UINT16 => ['v', 2, [0, 0xFFFF]],
        DType::UINT32 => ['V', 4, [0, 0xFFFFFFFF]],
        DType::UINT64 => ['P', 8, [PHP_INT_MIN, PHP_INT_MAX]],
        DType::FLOAT16 => ['v', 2, [0, 0xFFFF]],
        DType::BFLOAT16 => ['v', 2, [0, 0xFFFF]],
        DType::FLOAT32 => ['g', 4, 'float'],
        DType::FLOAT64 => ['e', 8, 'float'],
        DType::COMPLEX64 => ['g', 8, 'complex'],
        DType::COMPLEX128 => ['e', 16, 'complex'],
        DType::DATETIME64 => ['q', 8, [PHP_INT_MIN, PHP_INT_MAX]],
        DType::TIMEDELTA64 => ['q', 8, [PHP_INT_MIN, PHP_INT_MAX]],
    ];

    /**
     * A tensor with the elements of an array; without a shape it has one dimension.
     *
     * @param int $dtype One of DType.
     * @param array<mixed> $elements Bools, ints, floats, [real, imaginary] of complex dtypes, strings of UTF-8 (of
     *     bytes for DType::BYTES). FLOAT16 and BFLOAT16 are their bits, as ints; UINT64 has ints with the same bits:
     *     sprintf('%u', $element) shows those above 2^63 - 1.
     * @param list<int>|null $shape
     * @param string|null $unit Of DATETIME64 and TIMEDELTA64: "ns", "s", "D" ...
     */
    public static function tensor(int $dtype, array $elements, ?array $shape = null, ?string $unit = null): Tensor
    {
        $elements = array_values($elements);
        $count = self::count($shape ??= [count($elements)]);
        if ($count !== count($elements)) {
            throw new \InvalidArgumentException(self::text($shape) . " has $count elements, got " . count($elements));
        }
        $itemsize = null;
        $data = match ($dtype) {
            DType::STRING => Texts::packed($elements),
            DType::BYTES, DType::UNICODE => Texts::padded($elements, $dtype === DType::UNICODE, $itemsize),
            default => self::packed($dtype, $elements),
        };
        return self::made($dtype, $shape, $data, $itemsize, $unit);
    }

    /**
     * The elements of a tensor in C order, as tensor() takes them; padding of fixed widths is taken off.
     *
     * @return list<mixed>
     */
    public static function elements(Tensor $tensor): array
    {
        $count = self::checked($tensor);
        return match ($tensor->dtype) {
            DType::STRING => Texts::unpacked($tensor->data, $count),
            DType::BYTES, DType::UNICODE => Texts::unpadded(
                $tensor->data,
                $count,
                $tensor->itemsize ?? 0,
                $tensor->dtype === DType::UNICODE
            ),
            default => self::unpacked($tensor->dtype, $tensor->data),
        };
    }

    /**
     * A tensor with these bytes: numbers, little endian, in C order. They are not copied.
     *
     * @param list<int>|null $shape By default one dimension.
     */
    public static function ofBytes(int $dtype, string $data, ?array $shape = null, ?string $unit = null): Tensor
    {
        $width = self::number($dtype)[1];
        if (strlen($data) % $width !== 0) {
            throw new \InvalidArgumentException(
                strlen($data) . " bytes are no whole number of elements of $width bytes (" . self::name($dtype) . ')'
            );
        }
        $elements = intdiv(strlen($data), $width);
        $count = self::count($shape ??= [$elements]);
        if ($count !== $elements) {
            throw new \InvalidArgumentException(self::text($shape) . " has $count elements, got bytes of $elements");
        }
        return self::made($dtype, $shape, $data, null, $unit);
    }

    /** The bytes of a tensor, checked: numbers, little endian, in C order. They are not copied. */
    public static function bytes(Tensor $tensor): string
    {
        self::checked($tensor);
        return $tensor->data;
    }

    /**
     * A tensor of zeros, or of empty texts.
     *
     * @param list<int> $shape
     */
    public static function zeros(int $dtype, array $shape, ?string $unit = null): Tensor
    {
        if ($dtype >= DType::BYTES) {
            return self::tensor($dtype, array_fill(0, self::count($shape), ''), $shape);
        }
        return self::ofBytes($dtype, str_repeat("\0", self::count($shape) * self::number($dtype)[1]), $shape, $unit);
    }

    private static function made(int $dtype, array $shape, string $data, ?int $itemsize, ?string $unit): Tensor
    {
        $hasUnit = $dtype === DType::DATETIME64 || $dtype === DType::TIMEDELTA64;
        return new Tensor([
            'dtype' => $dtype,
            'shape' => array_values($shape),
            'data' => $data,
            'itemsize' => $itemsize,
            'unit' => $hasUnit ? $unit ?? 'generic' : null,
        ]);
    }

    /** How many elements a tensor has; its data is as long as that. */
    private static function checked(Tensor $tensor): int
    {
        if (!is_array($tensor->shape) || !is_string($tensor->data) || !isset(DType::$__names[$tensor->dtype])) {
            throw new \UnexpectedValueException('a tensor has a known dtype, a shape and data');
        }
        try {
            $count = self::count($tensor->shape);
        } catch (\InvalidArgumentException $error) {
            throw new \UnexpectedValueException($error->getMessage());
        }
        $width = match ($tensor->dtype) {
            DType::STRING => null,
            DType::BYTES, DType::UNICODE => $tensor->itemsize ?? 0,
            default => self::NUMBERS[$tensor->dtype][1],
        };
        // A product above 2^63 is a float, which no length is.
        if ($width !== null && ($width < 0 || $count * $width !== strlen($tensor->data))) {
            throw new \UnexpectedValueException(
                "$count elements of $width bytes (" . self::name($tensor->dtype) . '), got ' . strlen($tensor->data)
            );
        }
        if ($width === 0 && $count > self::EMPTY_ELEMENTS) {
            throw new \UnexpectedValueException("$count elements without a byte, expected at most " . self::EMPTY_ELEMENTS);
        }
        return $count;
    }

    private static function count(array $shape): int
    {
        $count = 1;
        foreach ($shape as $dim) {
            if (!is_int($dim) || $dim < 0) {
                throw new \InvalidArgumentException(self::text($shape) . ', expected dimensions from 0');
            }
            $count *= $dim;
        }
        if (!is_int($count) || $count > PHP_INT_MAX >> 4) {
            throw new \InvalidArgumentException(self::text($shape) . ' has too many elements');
        }
        return $count;
    }

    private static function packed(int $dtype, array $elements): string
    {
        [$format, , $kind] = self::number($dtype);
        $data = '';
        foreach (array_chunk($elements, self::SLICE) as $number => $slice) {
            self::checkElements($dtype, $kind, $slice, $number * self::SLICE);
            $data .= pack("$format*", ...($kind === 'complex' ? array_merge(...$slice) : $slice));
        }
        return $data;
    }

    private static function unpacked(int $dtype, string $data): array
    {
        [$format, $width, $kind] = self::NUMBERS[$dtype];
        $elements = [];
        $length = strlen($data);
        for ($place = 0; $place < $length; $place += self::SLICE * $width) {
            $count = min(self::SLICE, intdiv($length - $place, $width)) * ($kind === 'complex' ? 2 : 1);
            $slice = array_values(unpack("$format$count", $data, $place));
            array_push($elements, ...match ($kind) {
                'bool' => array_map(boolval(...), $slice),
                'complex' => array_chunk($slice, 2),
                default => $slice,
            });
        }
        return $elements;
    }

    private static function checkElements(int $dtype, string|array $kind, array $elements, int $first): void
    {
        $isFine = match ($kind) {
            'bool' => is_bool(...),
            'float' => self::isReal(...),
            'complex' => static fn ($each) => is_array($each) && array_is_list($each) && count($each) === 2
                && self::isReal($each[0]) && self::isReal($each[1]),
            default => static fn ($each) => is_int($each) && $each >= $kind[0] && $each <= $kind[1],
        };
        foreach ($elements as $index => $each) {
            if (!$isFine($each)) {
                $expected = is_array($kind) ? "an int from $kind[0] to $kind[1]" : "a $kind";
                $got = is_scalar($each) ? var_export($each, true) : get_debug_type($each);
                throw new \InvalidArgumentException(
                    'element ' . $first + $index . ' of ' . self::name($dtype) . " is $got, expected $expected"
                );
            }
        }
    }

    private static function isReal(mixed $value): bool
    {
        return is_float($value) || is_int($value);
    }

    private static function number(int $dtype): array
    {
        return self::NUMBERS[$dtype]
            ?? throw new \InvalidArgumentException('dtype ' . self::name($dtype) . ', expected one of numbers');
    }

    private static function name(int $dtype): string
    {
        return DType::$__names[$dtype] ?? (string) $dtype;
    }

    private static function text(array $shape): string
    {
        return 'the shape ' . json_encode(array_values($shape));
    }
}
