# The compact protocol, which Thrift's library for Perl lacks.
package Pyrpc::Compact;
use 5.020;
use strict;
use warnings;

use Thrift::Type;

use parent 'Pyrpc::Bounded';

use constant {PROTOCOL_ID => 0x82, VERSION => 1, TRUE => 1, FALSE => 2, VARINT_BYTES => 10};

# Types of the protocol, by their numbers from 1 (bools are two, true and false), as Thrift's.
my @TYPES = (
    undef,
    (Thrift::TType::BOOL) x 2,
    (map { Thrift::TType->can($_)->() } qw(BYTE I16 I32 I64 DOUBLE STRING LIST SET MAP STRUCT)),
);
my %NUMBERS = map { $TYPES[$_] => $_ } reverse 1 .. $#TYPES;

__PACKAGE__->make_numbers(Byte => 'c', Double => 'd<');

for my $name (qw(I16 I32 I64)) {
    no strict 'refs';
    *{"write$name"} = sub {
        my ($self, $value) = @_;
        return $self->write_size($value < 0 ? ~$value << 1 | 1 : $value << 1);
    };
    *{"read$name"} = sub {
        my ($self, $value) = @_;
        my $number = $self->read_size();
        $$value = $number & 1 ? -($number >> 1) - 1 : $number >> 1;
        return 1;
    };
}

sub write_head {
    my ($self, $name, $type, $seqid) = @_;
    $self->{trans}->write(pack 'CC', PROTOCOL_ID, VERSION | $type << 5);
    return $self->write_size($seqid) + $self->writeString($name);
}

# A bool is in the type of its field, which is written with it.
sub writeFieldBegin {
    my ($self, $name, $type, $id) = @_;
    return $self->_write_field($NUMBERS{$type}, $id) if $type != Thrift::TType::BOOL;
    $self->{bool} = $id;
    return 0;
}

sub _write_field {
    my ($self, $number, $id) = @_;
    my $delta = $id - $self->{last};
    $self->{last} = $id;
    return $self->{trans}->write(chr($delta << 4 | $number)) if $delta > 0 && $delta < 16;
    return $self->{trans}->write(chr $number) + $self->writeI16($id);
}

sub writeMapBegin {
    my ($self, $key_type, $value_type, $size) = @_;
    my $types = $size ? chr($NUMBERS{$key_type} << 4 | $NUMBERS{$value_type}) : '';
    return $self->write_size($size) + $self->{trans}->write($types);
}

sub writeListBegin {
    my ($self, $type, $size) = @_;
    my $short = $size < 15 ? $size : 15;
    return $self->{trans}->write(chr($short << 4 | $NUMBERS{$type})) + ($short < 15 ? 0 : $self->write_size($size));
}

sub writeBool {
    my ($self, $value) = @_;
    my ($number, $id) = ($value ? TRUE : FALSE, $self->{bool});
    $self->{bool} = undef;
    return defined $id ? $self->_write_field($number, $id) : $self->writeByte($number);
}

# 7 bits in each byte, the lowest first.
sub write_size {
    my ($self, $number) = @_;
    my $bytes = '';
    for (; $number > 0x7F; $number >>= 7) {
        $bytes .= chr($number & 0x7F | 0x80);
    }
    return $self->{trans}->write($bytes . chr $number);
}

sub read_head {
    my ($self, $name, $type, $seqid) = @_;
    my ($id, $version) = unpack 'CC', $self->{trans}->readAll(2);
    if ($id != PROTOCOL_ID || ($version & 0x1F) != VERSION) {
        $self->{trans}->malformed('no reply in the compact protocol', Thrift::TProtocolException::BAD_VERSION);
    }
    ($$type, $$seqid) = ($version >> 5, $self->read_size());
    return $self->readString($name);
}

sub readFieldBegin {
    my ($self, $name, $type, $id) = @_;
    my $byte = ord $self->{trans}->readAll(1);
    ($$type, $$id) = (Thrift::TType::STOP, 0);
    return 1 if !$byte;
    $$type = $self->_type($byte & 0x0F);
    $byte >> 4 ? ($$id = $self->{last} + ($byte >> 4)) : $self->readI16($id);
    $self->{last} = $$id;
    $self->{bool} = ($byte & 0x0F) == TRUE if $$type == Thrift::TType::BOOL;
    return 1;
}

sub _type {
    my ($self, $number) = @_;
    return $TYPES[$number] // $self->{trans}->malformed("type $number, expected 1 to $#TYPES");
}

sub readMapBegin {
    my ($self, $key_type, $value_type, $size) = @_;
    $$size = $self->read_size();
    my $types = $$size ? ord $self->{trans}->readAll(1) : TRUE << 4 | TRUE;
    ($$key_type, $$value_type) = ($self->_type($types >> 4), $self->_type($types & 0x0F));
    return $self->deeper($$size);
}

sub readListBegin {
    my ($self, $type, $size) = @_;
    my $byte = ord $self->{trans}->readAll(1);
    ($$type, $$size) = ($self->_type($byte & 0x0F), $byte >> 4);
    $$size = $self->read_size() if $$size == 15;
    return $self->deeper($$size);
}

sub readBool {
    my ($self, $value) = @_;
    $$value = $self->{bool} // ord($self->{trans}->readAll(1)) == TRUE;
    $self->{bool} = undef;
    return 1;
}

sub read_size {
    my ($self) = @_;
    my $number = 0;
    for my $index (0 .. VARINT_BYTES - 1) {
        my $byte = ord $self->{trans}->readAll(1);
        $number |= ($byte & 0x7F) << 7 * $index;
        return $number if $byte < 0x80;
    }
    return $self->{trans}->malformed('an integer of more than ' . VARINT_BYTES . ' bytes');
}

1;
