<?php

// The bytes of arrays of texts.

declare(strict_types=1);

namespace Pyrpc;

/** What Arrays needs for the dtypes STRING, BYTES and UNICODE. Texts are UTF-8. */
final class Texts
{
    /** Of any length: where each begins and ends, then the texts. */
    public static function packed(array $texts): string
    {
        $offsets = [0];
        $end = 0;
        foreach ($texts as $index => $text) {
            self::check($index, $text, true);
            $offsets[] = $end += strlen($text);
        }
        $packed = '';
        foreach (array_chunk($offsets, 1 << 16) as $slice) {
            $packed .= pack('P*', ...$slice);
        }
        return $packed . implode('', $texts);
    }

    /** @return list<string> */
    public static function unpacked(string $data, int $count): array
    {
        $start = 8 * ($count + 1);
        if ($start > strlen($data)) {
            throw new \UnexpectedValueException(
                strlen($data) . " bytes are too few for where $count texts begin and end"
            );
        }
        $texts = [];
        [, $begin] = unpack('P', $data);
        for ($index = 0; $index < $count; $index++) {
            [, $end] = unpack('P', $data, 8 * ($index + 1));
            if ($begin < 0 || $begin > $end || $end > strlen($data) - $start) {
                throw new \UnexpectedValueException(
                    "text $index goes from $begin to $end of " . strlen($data) - $start . ' bytes'
                );
            }
            $texts[] = substr($data, $start + $begin, $end - $begin);
            $begin = $end;
        }
        return $texts;
    }

    /** As wide as the longest of them, which $itemsize becomes. */
    public static function padded(array $texts, bool $isUnicode, ?int &$itemsize): string
    {
        $itemsize = $isUnicode ? 4 : 1;
        foreach ($texts as $index => $text) {
            self::check($index, $text, $isUnicode);
            $texts[$index] = $isUnicode ? iconv('UTF-8', 'UTF-32LE', $text) : $text;
            $itemsize = max($itemsize, strlen($texts[$index]));
        }
        $data = '';
        foreach ($texts as $text) {
            $data .= str_pad($text, $itemsize, "\0");
        }
        return $data;
    }

    /** @return list<string> */
    public static function unpadded(string $data, int $count, int $itemsize, bool $isUnicode): array
    {
        if ($itemsize === 0) {
            return array_fill(0, $count, '');
        }
        if ($isUnicode && $itemsize % 4 !== 0) {
            throw new \UnexpectedValueException("$itemsize bytes are no whole number of characters of 4 bytes");
        }
        $texts = [];
        for ($index = 0; $index < $count; $index++) {
            $text = substr($data, $index * $itemsize, $itemsize);
            $text = $isUnicode ? @iconv('UTF-32LE', 'UTF-8', $text) : $text;
            if ($text === false) {
                throw new \UnexpectedValueException("element $index has what is no character");
            }
            $texts[] = rtrim($text, "\0");
        }
        return $texts;
    }

    private static function check(int $index, mixed $text, bool $isUtf8): void
    {
        if (!is_string($text) || ($isUtf8 && preg_match('//u', $text) !== 1)) {
            $expected = $isUtf8 ? 'a string of UTF-8' : 'a string';
            $got = is_string($text) ? 'other bytes' : get_debug_type($text);
            throw new \InvalidArgumentException("element $index is $got, expected $expected");
        }
    }
}
