# Tensors of Perl arrays, and back.
#
# An array has the elements of a tensor in C order, whatever its shape. Elements are copied one by one; bytes_of and
# tensor_of_bytes suit what is large: strings of bytes, little endian, which Perl shares until one is changed.
#
# All functions die (with the place of the caller) when what they get does not fit.
package Pyrpc::Arrays;
use 5.020;
use strict;
use warnings;

use Carp qw(croak);
use Exporter qw(import);
use Scalar::Util qw(looks_like_number);

use Pyrpc::Texts;
use PyrpcIdl::Types;

our @EXPORT_OK = qw(tensor elements tensor_of_bytes bytes_of zeros);

# Elements that are packed and unpacked at once.
use constant SLICE => 1 << 16;

# Elements that a tensor without data may have; they take memory here.
use constant EMPTY_ELEMENTS => 1 << 20;
use constant MOST_ELEMENTS  => 1 << 58;
use constant MOST_INT       => ~0 >> 1;

# The name, the format of pack, the bytes of an element, and its bounds. Complex ones are two numbers.
my %NUMBERS = map { PyrpcIdl::DType->can($_->[0])->() => $_ } (
    ['BOOL',        'C',  1],
    ['INT8',        'c',  1,  -0x80,       0x7F],
    ['INT16',       's<', 2,  -0x8000,     0x7FFF],
    ['INT32',       'l<', 4,  -0x80000000, 0x7FFFFFFF],
    ['INT64',       'q<', 8,  -MOST_INT - 1, MOST_INT],
    ['UINT8',       'C',  1,  0,           0xFF],
    ['UINT16',      'S<', 2,  0,           0xFFFF],
    ['UINT32',      'L<', 4,  0,           0xFFFFFFFF],
    ['UINT64',      'Q<', 8,  0,           ~0],
    ['FLOAT16',     'S<', 2,  0,           0xFFFF],
    ['BFLOAT16',    'S<', 2,  0,           0xFFFF],
    ['FLOAT32',     'f<', 4],
    ['FLOAT64',     'd<', 8],
    ['COMPLEX64',   'f<', 8],
    ['COMPLEX128',  'd<', 16],
    ['DATETIME64',  'q<', 8,  -MOST_INT - 1, MOST_INT],
    ['TIMEDELTA64', 'q<', 8,  -MOST_INT - 1, MOST_INT],
);

# A tensor with the elements of an array: tensor(PyrpcIdl::DType::FLOAT32, \@elements, [2, 3]). Without a shape it has
# one dimension; the unit is that of DATETIME64 and TIMEDELTA64 ("ns", "D" ...).
#
# Elements are numbers, [real, imaginary] of complex dtypes, texts (as Perl has them, not encoded) of STRING and UNICODE,
# and bytes of BYTES. FLOAT16 and BFLOAT16 are their bits, as integers.
sub tensor {
    my ($dtype, $elements, $shape, $unit) = @_;
    croak 'elements are ', $elements // 'undef', ', expected a reference to an array' if ref $elements ne 'ARRAY';
    $shape //= [scalar @$elements];
    my $count = _count($shape);
    croak _text($shape), " has $count elements, got ", scalar @$elements if $count != @$elements;
    return _made($dtype, $shape, Pyrpc::Texts::packed($elements)) if $dtype == PyrpcIdl::DType::STRING;
    return _made($dtype, $shape, Pyrpc::Texts::padded($elements, $dtype == PyrpcIdl::DType::UNICODE))
        if _is_fixed($dtype);
    return _made($dtype, $shape, _packed($dtype, $elements), undef, $unit);
}

# A reference to an array of the elements of a tensor, in C order, as tensor takes them; padding is taken off.
sub elements {
    my ($tensor) = @_;
    my $count    = _checked($tensor);
    my ($dtype, $data, $itemsize) = @$tensor{qw(dtype data itemsize)};
    return Pyrpc::Texts::unpacked($data, $count) if $dtype == PyrpcIdl::DType::STRING;
    return Pyrpc::Texts::unpadded($data, $count, $itemsize // 0, $dtype == PyrpcIdl::DType::UNICODE)
        if _is_fixed($dtype);
    my ($name, $format) = @{$NUMBERS{$dtype}};
    my @elements = unpack "($format)*", $data;
    return [map { !!$_ } @elements] if $name eq 'BOOL';
    return \@elements               if $name !~ /COMPLEX/;
    return [map { [@elements[2 * $_, 2 * $_ + 1]] } 0 .. $count - 1];
}

# A tensor with these bytes: numbers, little endian, in C order.
sub tensor_of_bytes {
    my ($dtype, $data, $shape, $unit) = @_;
    my ($name, undef, $width) = @{_number($dtype)};
    croak 'the data has characters, expected bytes' if !utf8::downgrade($data, 1);
    my $elements = length($data) / $width;
    croak length $data, " bytes are no whole number of elements of $width bytes ($name)" if length($data) % $width;
    $shape //= [$elements];
    my $count = _count($shape);
    croak _text($shape), " has $count elements, got bytes of $elements" if $count != $elements;
    return _made($dtype, $shape, $data, undef, $unit);
}

# The bytes of a tensor, checked: numbers, little endian, in C order.
sub bytes_of {
    my ($tensor) = @_;
    _checked($tensor);
    return $tensor->{data};
}

# A tensor of zeros, or of empty texts.
sub zeros {
    my ($dtype, $shape, $unit) = @_;
    return tensor($dtype, [('') x _count($shape)], $shape) if $dtype == PyrpcIdl::DType::STRING || _is_fixed($dtype);
    return tensor_of_bytes($dtype, "\0" x (_count($shape) * _number($dtype)->[2]), $shape, $unit);
}

sub _made {
    my ($dtype, $shape, $data, $itemsize, $unit) = @_;
    my $has_unit = $dtype == PyrpcIdl::DType::DATETIME64 || $dtype == PyrpcIdl::DType::TIMEDELTA64;
    return PyrpcIdl::Tensor->new({
        dtype    => $dtype,
        shape    => [@$shape],
        data     => $data,
        itemsize => $itemsize,
        unit     => $has_unit ? $unit // 'generic' : undef,
    });
}

# How many elements a tensor has; its data is as long as that.
sub _checked {
    my ($tensor) = @_;
    my ($dtype, $shape, $data) = @$tensor{qw(dtype shape data)};
    my $is_number = defined $dtype && $NUMBERS{$dtype};
    if (!defined $data || ref $shape ne 'ARRAY' || !defined $dtype || !($is_number || _is_text($dtype))) {
        croak 'a tensor has a known dtype, a shape and data';
    }
    my $count = _count($shape);
    return $count if $dtype == PyrpcIdl::DType::STRING;
    my $width = $is_number ? $is_number->[2] : $tensor->{itemsize} // 0;
    my $name  = $is_number ? $is_number->[0] : 'texts';
    if ($width < 0 || $count * $width != length $data) {
        croak "$count elements of $width bytes ($name), got ", length $data;
    }
    croak "$count elements without a byte, expected at most ", EMPTY_ELEMENTS if !$width && $count > EMPTY_ELEMENTS;
    return $count;
}

sub _count {
    my ($shape) = @_;
    my $count = 1;
    for my $dim (@$shape) {
        croak _text($shape), ', expected dimensions from 0' if ($dim // '') !~ /\A[0-9]+\z/;
        $count *= $dim;
    }
    croak _text($shape), ' has too many elements' if $count > MOST_ELEMENTS;
    return $count;
}

sub _packed {
    my ($dtype, $elements) = @_;
    my ($name, $format, undef, @bounds) = @{_number($dtype)};
    my $data = '';
    for (my $first = 0; $first < @$elements; $first += SLICE) {
        my $last  = $first + SLICE - 1;
        my @slice = @$elements[$first .. ($last < @$elements ? $last : $#$elements)];
        @slice = map { $_ ? 1 : 0 } @slice if $name eq 'BOOL';
        @slice = map { ref eq 'ARRAY' && @$_ == 2 ? @$_ : croak 'a complex element is no [real, imaginary]' } @slice
            if $name =~ /COMPLEX/;
        _check_elements($name, \@slice, $first, @bounds) if $name ne 'BOOL';
        $data .= pack "($format)*", @slice;
    }
    return $data;
}

sub _check_elements {
    my ($name, $elements, $first, $low, $high) = @_;
    my $index = $first;
    for my $each (@$elements) {
        my $is_fine = looks_like_number($each)
            && (!defined $low || $each >= $low && $each <= $high && $each == int $each);
        if (!$is_fine) {
            my $expected = defined $low ? "an integer from $low to $high" : 'a number';
            croak "element $index of $name is ", $each // 'undef', ", expected $expected";
        }
        $index++;
    }
    return;
}

sub _number {
    my ($dtype) = @_;
    return $NUMBERS{$dtype // ''} // croak 'dtype ', $dtype // 'undef', ', expected one of numbers';
}

sub _is_text {
    my ($dtype) = @_;
    return $dtype == PyrpcIdl::DType::STRING || _is_fixed($dtype);
}

sub _is_fixed {
    my ($dtype) = @_;
    return $dtype == PyrpcIdl::DType::BYTES || $dtype == PyrpcIdl::DType::UNICODE;
}

sub _text {
    my ($shape) = @_;
    return 'the shape [' . join(',', map { $_ // 'undef' } @$shape) . ']';
}

1;
