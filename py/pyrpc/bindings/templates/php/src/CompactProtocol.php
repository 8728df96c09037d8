<?php

// The compact protocol, with what is wrong in Thrift's mended.

declare(strict_types=1);

namespace Pyrpc;

use Thrift\Protocol\TCompactProtocol;

/**
 * Thrift's own takes what is false in a list for true, cannot write a map with values that are bools, and does not
 * end with the lowest integer.
 */
final class CompactProtocol extends TCompactProtocol
{
    use Bounded {
        readMessageBegin as private readBoundedMessageBegin;
        writeMessageBegin as private writeWholeMessageBegin;
    }

    /** Bytes of an integer of 64 bits, 7 bits in each. */
    private const VARINT_BYTES = 10;

    public function readMessageBegin(&$name, &$type, &$seqid)
    {
        // What a reply that broke off has left.
        [$this->structs, $this->containers, $this->lastFid, $this->state] = [[], [], 0, self::STATE_CLEAR];
        return $this->readBoundedMessageBegin($name, $type, $seqid);
    }

    public function writeMessageBegin($name, $type, $seqid)
    {
        [$this->structs, $this->containers, $this->lastFid] = [[], [], 0];
        return $this->writeWholeMessageBegin($name, $type, $seqid);
    }

    public function writeMapBegin($key_type, $val_type, $size)
    {
        $written = parent::writeMapBegin($key_type, $val_type, $size);
        $this->state = self::STATE_CONTAINER_WRITE;
        return $written;
    }

    public function writeBool($value)
    {
        return $this->state === self::STATE_CONTAINER_WRITE
            ? $this->writeByte($value ? self::COMPACT_TRUE : self::COMPACT_FALSE)
            : parent::writeBool($value);
    }

    public function readBool(&$value)
    {
        $result = parent::readBool($value);
        $value = $value === true || $value === self::COMPACT_TRUE;
        return $result;
    }

    public function writeI64($value)
    {
        return $this->writeVarint($this->toZigZag($value, 64));
    }

    public function readI64(&$value)
    {
        return $this->readZigZag($value);
    }

    public function fromZigZag($n)
    {
        return (($n >> 1) & PHP_INT_MAX) ^ -($n & 1);
    }

    public function getVarint($data)
    {
        for ($out = ''; ($data & ~0x7f) !== 0; $data = ($data >> 7) & (PHP_INT_MAX >> 6)) {
            $out .= chr(($data & 0x7f) | 0x80);
        }
        return $out . chr($data);
    }

    public function readVarint(&$result)
    {
        for ($index = 0, $result = 0; $index < self::VARINT_BYTES; $index++) {
            $byte = ord($this->socket->readAll(1));
            $result |= ($byte & 0x7f) << (7 * $index);
            if ($byte < 0x80) {
                return $index + 1;
            }
        }
        throw $this->socket->malformed('an integer has more than ' . self::VARINT_BYTES . ' bytes');
    }

    public function getTType($byte)
    {
        return self::$ttypes[$byte & 0x0f] ?? throw $this->socket->malformed('a type that there is not');
    }
}
