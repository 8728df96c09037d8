# The bytes of arrays of texts, for Pyrpc::Arrays.
package Pyrpc::Texts;
use 5.020;
use strict;
use warnings;

use Carp qw(croak);
use Encode qw(decode encode FB_CROAK LEAVE_SRC);

our @CARP_NOT = ('Pyrpc::Arrays');

# Of any length: where each begins and ends, then the texts.
sub packed {
    my ($texts) = @_;
    my ($end, @offsets, @encoded) = (0, 0);
    for my $index (0 .. $#$texts) {
        my $text = $texts->[$index] // croak "element $index is undef, expected a text";
        utf8::encode($text);
        push @encoded, $text;
        push @offsets, $end += length $text;
    }
    return pack('(q<)*', @offsets) . join '', @encoded;
}

sub unpacked {
    my ($data, $count) = @_;
    my $start = 8 * ($count + 1);
    croak length $data, " bytes are too few for where $count texts begin and end" if $start > length $data;
    my @offsets = unpack '(q<)' . ($count + 1), $data;
    my $most    = length($data) - $start;
    my @texts;
    for my $index (0 .. $count - 1) {
        my ($begin, $end) = @offsets[$index, $index + 1];
        croak "text $index goes from $begin to $end of $most bytes" if $begin < 0 || $begin > $end || $end > $most;
        my $text = substr $data, $start + $begin, $end - $begin;
        utf8::decode($text) or croak "element $index is no UTF-8";
        push @texts, $text;
    }
    return \@texts;
}

# The bytes, and how wide the longest is, which all are.
sub padded {
    my ($texts, $is_unicode) = @_;
    my $width = $is_unicode ? 4 : 1;
    my @encoded;
    for my $index (0 .. $#$texts) {
        my $text = $texts->[$index] // croak "element $index is undef, expected a text";
        $text = encode('UTF-32LE', $text) if $is_unicode;
        croak "element $index has characters, expected bytes" if !utf8::downgrade($text, 1);
        $width = length $text if length $text > $width;
        push @encoded, $text;
    }
    return join('', map { $_ . "\0" x ($width - length) } @encoded), $width;
}

sub unpadded {
    my ($data, $count, $width, $is_unicode) = @_;
    croak "$width bytes are no whole number of characters of 4 bytes" if $is_unicode && $width % 4;
    my @texts;
    for my $index (0 .. $count - 1) {
        my $text = substr $data, $index * $width, $width;
        if ($is_unicode) {
            $text = eval { decode('UTF-32LE', $text, FB_CROAK | LEAVE_SRC) } // croak "element $index is no text";
        }
        push @texts, $text =~ s/\0+\z//r;
    }
    return \@texts;
}

1;
