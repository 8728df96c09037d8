<?php

// The binary protocol, for replies that may be anything.

declare(strict_types=1);

namespace Pyrpc;

use Thrift\Protocol\TBinaryProtocol;

/** Thrift's own in PHP: the extension for it takes lengths and nesting as the bytes say. */
final class BinaryProtocol extends TBinaryProtocol
{
    use Bounded;
}
