#!/usr/bin/env perl
# Posts messages to a scan: one JSON object a line on standard input. Perl 5.20 or later; over TLS with IO::Socket::SSL
# (Debian: libio-socket-ssl-perl).
#
#     export SLUICE_URL=https://localhost:8443 SLUICE_TOKEN=… SLUICE_CA=ca.crt
#     printf '%s\n' '{"type":"scanStarted"}' '{"type":"scanCompleted"}' | ./post.pl nightly-1
#
# Exit code: 0 if all were taken, 1 if the gateway refused or could not be reached.
use strict;
use warnings;
use HTTP::Tiny;

my $AT_ONCE = 500;
my $TRIES   = 8;

my $url    = "$ENV{SLUICE_URL}/api/scans/$ARGV[0]/progress";
my $client = HTTP::Tiny->new(
    timeout     => 30,
    verify_SSL  => 1,
    SSL_options => { $ENV{SLUICE_CA} ? ( SSL_ca_file => $ENV{SLUICE_CA} ) : () },
);

# Random, so that no other request has it.
sub new_key {
    open my $random, '<:raw', '/dev/urandom' or die "post: /dev/urandom: $!\n";
    read $random, my $bytes, 16;
    return unpack 'H*', $bytes;
}

# Posts an array. The key makes it safe to repeat: what the gateway has taken already, it does not take twice.
sub post {
    my @messages = @_;
    my %headers  = (
        'Authorization'   => "Bearer $ENV{SLUICE_TOKEN}",
        'Content-Type'    => 'application/json',
        'Idempotency-Key' => new_key(),
    );
    my $body = '[' . join( ',', @messages ) . ']';
    for my $attempt ( 1 .. $TRIES ) {
        my $answer = $client->post( $url, { headers => \%headers, content => $body } );
        if ( $answer->{success} ) {
            print "$answer->{content}\n";
            return;
        }
        # 599: HTTP::Tiny's own, for a gateway that could not be reached.
        my $status = $answer->{status};
        my $may_pass = $status >= 500 || $status == 408 || $status == 429;
        die "post: $status $answer->{content}\n" if !$may_pass || $attempt == $TRIES;
        my $pause = $answer->{headers}{'retry-after'} // 2**$attempt;
        sleep( $pause < 60 ? $pause : 60 );
    }
}

eval {
    my @batch;
    while ( my $line = <STDIN> ) {
        chomp $line;
        push @batch, $line if $line =~ /\S/;
        post( splice @batch ) if @batch == $AT_ONCE;
    }
    post(@batch) if @batch;
    1;
} or do {
    print STDERR $@;
    exit 1;
};
