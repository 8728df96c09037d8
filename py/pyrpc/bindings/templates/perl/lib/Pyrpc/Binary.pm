# The binary protocol, by pack and unpack alone.
package Pyrpc::Binary;
use 5.020;
use strict;
use warnings;

use Thrift::Type;

use parent 'Pyrpc::Bounded';

use constant VERSION_1 => 0x80010000;

__PACKAGE__->make_numbers(Byte => 'c', I16 => 's>', I32 => 'l>', I64 => 'q>', Double => 'd>');

sub write_head {
    my ($self, $name, $type, $seqid) = @_;
    $self->{trans}->write(pack 'N', VERSION_1 | $type);
    $self->writeString($name);
    return $self->writeI32($seqid);
}

sub writeFieldBegin {
    my ($self, $name, $type, $id) = @_;
    return $self->{trans}->write(pack 'cs>', $type, $id);
}

sub writeMapBegin {
    my ($self, $key_type, $value_type, $size) = @_;
    return $self->{trans}->write(pack 'ccl>', $key_type, $value_type, $size);
}

sub writeListBegin {
    my ($self, $type, $size) = @_;
    return $self->{trans}->write(pack 'cl>', $type, $size);
}

sub writeBool {
    my ($self, $value) = @_;
    return $self->writeByte($value ? 1 : 0);
}

sub write_size {
    my ($self, $size) = @_;
    return $self->writeI32($size);
}

sub read_head {
    my ($self, $name, $type, $seqid) = @_;
    my $version = unpack 'N', $self->{trans}->readAll(4);
    if (($version & 0xFFFF0000) != VERSION_1) {
        $self->{trans}->malformed('no reply in the binary protocol', Thrift::TProtocolException::BAD_VERSION);
    }
    $$type = $version & 0xFF;
    $self->readString($name);
    return $self->readI32($seqid);
}

sub readFieldBegin {
    my ($self, $name, $type, $id) = @_;
    $self->readByte($type);
    $$id = 0;
    return $$type == Thrift::TType::STOP ? 1 : $self->readI16($id);
}

sub readMapBegin {
    my ($self, $key_type, $value_type, $size) = @_;
    ($$key_type, $$value_type, $$size) = unpack 'ccl>', $self->{trans}->readAll(6);
    return $self->deeper($$size);
}

sub readListBegin {
    my ($self, $type, $size) = @_;
    ($$type, $$size) = unpack 'cl>', $self->{trans}->readAll(5);
    return $self->deeper($$size);
}

sub readBool {
    my ($self, $value) = @_;
    $$value = unpack('c', $self->{trans}->readAll(1)) == 1;
    return 1;
}

sub read_size {
    my ($self) = @_;
    return unpack 'l>', $self->{trans}->readAll(4);
}

1;
