<?php

// What both protocols have: calls that are whole, and replies that are nested not too deep and no longer than their frame.

declare(strict_types=1);

namespace Pyrpc;

use Thrift\Exception\TProtocolException;

/** For protocols over a FramedSocket. */
trait Bounded
{
    private int $depth = 0;

    public function __construct(private readonly FramedSocket $socket)
    {
        parent::__construct($socket);
    }

    public function writeMessageBegin($name, $type, $seqid)
    {
        $this->socket->discard();
        return parent::writeMessageBegin($name, $type, $seqid);
    }

    public function readMessageBegin(&$name, &$type, &$seqid)
    {
        $this->depth = 0;
        return parent::readMessageBegin($name, $type, $seqid);
    }

    public function readMessageEnd()
    {
        if ($this->socket->left() > 0) {
            throw $this->socket->malformed("the reply ends {$this->socket->left()} bytes before its frame");
        }
        return parent::readMessageEnd();
    }

    public function readStructBegin(&$name)
    {
        $this->deeper();
        return parent::readStructBegin($name);
    }

    public function readStructEnd()
    {
        $this->depth--;
        return parent::readStructEnd();
    }

    public function readListBegin(&$elemType, &$size)
    {
        $result = parent::readListBegin($elemType, $size);
        $this->deeper($size);
        return $result;
    }

    public function readListEnd()
    {
        $this->depth--;
        return parent::readListEnd();
    }

    public function readSetBegin(&$elemType, &$size)
    {
        $result = parent::readSetBegin($elemType, $size);
        $this->deeper($size);
        return $result;
    }

    public function readSetEnd()
    {
        $this->depth--;
        return parent::readSetEnd();
    }

    public function readMapBegin(&$keyType, &$valType, &$size)
    {
        $result = parent::readMapBegin($keyType, $valType, $size);
        $this->deeper($size);
        return $result;
    }

    public function readMapEnd()
    {
        $this->depth--;
        return parent::readMapEnd();
    }

    private function deeper(int $size = 0): void
    {
        // 64 is what nodes send at most, in values within values; each is a struct, a container and a field.
        if (++$this->depth > 3 * 64) {
            throw $this->socket->malformed('the reply is nested too deep', TProtocolException::DEPTH_LIMIT);
        }
        // Each element has one byte or more.
        if ($size < 0 || $size > $this->socket->left()) {
            throw $this->socket->malformed("$size elements are to come in {$this->socket->left()} bytes");
        }
    }
}
