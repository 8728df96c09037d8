# What both protocols have: calls that are whole, and replies that are nested not too deep and no longer than their frame.
package Pyrpc::Bounded;
use 5.020;
use strict;
use warnings;

use Thrift::Protocol;
use Thrift::Type;

use parent -norequire, 'Thrift::Protocol';

# 64 is what nodes send at most, in values within values; each is a struct, a container and a field.
use constant MAX_DEPTH   => 3 * 64;
use constant MAX_SKIPPED => 64;

# The methods of numbers that always have the same number of bytes, by their formats of pack.
sub make_numbers {
    my ($class, %formats) = @_;
    while (my ($name, $format) = each %formats) {
        my $bytes = length pack $format, 0;
        no strict 'refs';
        *{"${class}::write$name"} = sub {
            my ($self, $value) = @_;
            return $self->{trans}->write(pack $format, $value);
        };
        *{"${class}::read$name"} = sub {
            my ($self, $value) = @_;
            $$value = unpack $format, $self->{trans}->readAll($bytes);
            return $bytes;
        };
    }
    return;
}

sub writeMessageBegin {
    my ($self, @head) = @_;
    $self->_begin();
    $self->{trans}->discard();
    return $self->write_head(@head);
}

sub writeStructBegin {
    my ($self) = @_;
    push @{$self->{ids}}, $self->{last};
    $self->{last} = 0;
    return 0;
}

sub writeStructEnd {
    my ($self) = @_;
    $self->{last} = pop @{$self->{ids}};
    return 0;
}

sub writeFieldStop {
    my ($self) = @_;
    return $self->writeByte(Thrift::TType::STOP);
}

sub writeSetBegin {
    my ($self, @list) = @_;
    return $self->writeListBegin(@list);
}

# Texts have the flag of Perl's for them, and are sent as UTF-8; what has it not is sent as it is.
sub writeString {
    my ($self, $value) = @_;
    utf8::encode($value) if utf8::is_utf8($value);
    return $self->write_size(length $value) + ($value eq '' ? 0 : $self->{trans}->write($value));
}

sub readMessageBegin {
    my ($self, @head) = @_;
    $self->_begin();
    return $self->read_head(@head);
}

sub readMessageEnd {
    my ($self) = @_;
    my $left = $self->{trans}->left();
    $self->{trans}->malformed("the reply ends $left bytes before its frame") if $left;
    return 0;
}

sub readStructBegin {
    my ($self) = @_;
    $self->writeStructBegin();
    return $self->deeper(0);
}

sub readStructEnd {
    my ($self) = @_;
    $self->{depth}--;
    return $self->writeStructEnd();
}

sub readSetBegin {
    my ($self, @list) = @_;
    return $self->readListBegin(@list);
}

# Bytes: what is text has to be decoded.
sub readString {
    my ($self, $value) = @_;
    my $count = $self->read_size();
    $$value = $count ? $self->{trans}->readAll($count) : '';
    return $count;
}

sub _read_end {
    my ($self) = @_;
    $self->{depth}--;
    return 0;
}

sub _nothing { return 0 }

{
    no strict 'refs';
    *{"read${_}End"}  = \&_read_end for qw(Map List Set);
    *$_               = \&_nothing  for qw(readFieldEnd writeMessageEnd writeFieldEnd writeMapEnd writeListEnd writeSetEnd);
}

# A field that nobody knows. Perl warns of more than 100 calls within calls.
sub skip {
    my ($self, $type) = @_;
    local $self->{skipped} = $self->{skipped} + 1;
    $self->_too_deep() if $self->{skipped} > MAX_SKIPPED;
    return $self->SUPER::skip($type);
}

# One level further, in something that has so many elements; each has one byte or more.
sub deeper {
    my ($self, $size) = @_;
    $self->_too_deep() if ++$self->{depth} > MAX_DEPTH;
    my $left = $self->{trans}->left();
    $self->{trans}->malformed("$size elements are to come in $left bytes") if $size < 0 || $size > $left;
    return 0;
}

sub _too_deep {
    my ($self) = @_;
    $self->{trans}->malformed('the reply is nested too deep', Thrift::TProtocolException::DEPTH_LIMIT);
    return;
}

# Forgets what a message that broke off has left.
sub _begin {
    my ($self) = @_;
    @$self{qw(depth skipped last ids bool)} = (0, 0, 0, [], undef);
    return;
}

1;
