<?php
// Receives AIsoule webhooks. PHP 8.0 or newer, no extension.
//
// WEBHOOK_SECRET=whsec_… php -S 127.0.0.1:8000 receiver.php
//
// PHP's own server speaks no TLS: where no proxy or tunnel does, tls.py does.

declare(strict_types=1);

const TOLERANCE = 300; // seconds that a request may be old, or ahead of this clock

function header_of(string $name): string
{
    return $_SERVER['HTTP_' . strtoupper(strtr($name, '-', '_'))] ?? '';
}

/** X-Webhook-Signature: that the body is AIsoule's. */
function is_genuine(string $secret, string $body): bool
{
    return hash_equals(hash_hmac('sha256', $body, $secret), header_of('X-Webhook-Signature'));
}

/** webhook-signature (Standard Webhooks): that the id and the time are, too, so that nobody can play it again. */
function is_fresh(string $secret, string $body): bool
{
    $key = base64_decode(substr($secret, strlen('whsec_')));
    $timestamp = header_of('webhook-timestamp');
    $signed = header_of('webhook-id') . ".$timestamp.$body";
    $expected = 'v1,' . base64_encode(hash_hmac('sha256', $signed, $key, true));
    $known = false;
    foreach (explode(' ', header_of('webhook-signature')) as $given) { // two for a while after the secret was rotated
        $known = hash_equals($expected, $given) || $known;
    }
    return $known && ctype_digit($timestamp) && abs(time() - (int) $timestamp) <= TOLERANCE;
}

/** PHP forgets between requests: a file an event. In your database, a unique key on webhook-id does the same. */
function is_new(string $id): bool
{
    $directory = sys_get_temp_dir() . '/aisoule-webhooks';
    @mkdir($directory, 0700);
    return @fopen($directory . '/' . hash('sha256', $id), 'x') !== false;
}

/** The sender has its answer, and this script goes on. */
function answer_and_go_on(): void
{
    http_response_code(200);
    if (function_exists('fastcgi_finish_request')) {
        fastcgi_finish_request(); // under PHP-FPM
        return;
    }
    header('Content-Length: 0');
    header('Connection: close');
    flush();
}

/** What takes time happens here, after the answer. */
function work(string $id, string $body): void
{
    $payload = json_decode($body); // event, timestamp and data
    file_put_contents('php://stdout', "$payload->event $id\n");
}

$secret = getenv('WEBHOOK_SECRET') ?: throw new RuntimeException('WEBHOOK_SECRET is not set');
$body = file_get_contents('php://input'); // the raw bytes: parsing and encoding again would change them
if ($_SERVER['REQUEST_METHOD'] !== 'POST') {
    http_response_code(400);
} elseif (!is_genuine($secret, $body) || !is_fresh($secret, $body)) {
    http_response_code(401);
} else {
    $id = header_of('webhook-id');
    $new = is_new($id);
    answer_and_go_on(); // to a repeat as well: it did arrive
    if ($new) {
        work($id, $body);
    }
}
