// Code that verifies a signature, in the languages that most receivers are written in.

/**
 * With X-Webhook-Signature.
 *
 * @type {Record<string, string>}
 */
export const SNIPPETS = {
  Python: `import hashlib, hmac


def is_from_aisoule(secret: str, body: bytes, signature: str) -> bool:
    expected = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected.encode(), signature.encode())
`,
  Node: `const crypto = require("node:crypto");

function isFromAisoule(secret, body, signature) {
  const expected = crypto.createHmac("sha256", secret).update(body).digest();
  const given = Buffer.from(signature, "hex");
  return given.length === expected.length && crypto.timingSafeEqual(expected, given);
}
`,
  PHP: `function is_from_aisoule(string $secret, string $body, string $signature): bool {
    return hash_equals(hash_hmac('sha256', $body, $secret), $signature);
}
`,
  Go: `import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
)

func isFromAisoule(secret string, body []byte, signature string) bool {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	given, err := hex.DecodeString(signature)
	return err == nil && hmac.Equal(mac.Sum(nil), given)
}
`,
  Ruby: `require "openssl"

def from_aisoule?(secret, body, signature)
  OpenSSL.secure_compare(OpenSSL::HMAC.hexdigest("SHA256", secret, body), signature)
end
`,
};

/**
 * With webhook-signature.
 *
 * @type {Record<string, string>}
 */
export const SURVIVING_SNIPPETS = {
  Python: `import base64, hashlib, hmac, time


def is_from_aisoule(secret: str, body: bytes, headers) -> bool:
    sent_at = headers.get("webhook-timestamp", "")
    signed = f"{headers.get('webhook-id', '')}.{sent_at}.".encode() + body
    key = base64.b64decode(secret.removeprefix("whsec_"))
    expected = b"v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest())
    given = headers.get("webhook-signature", "").split()  # two for a while after a rotation
    genuine = any(hmac.compare_digest(expected, one.encode()) for one in given)
    return genuine and abs(time.time() - int(sent_at)) < 300  # seconds
`,
  Node: `const crypto = require("node:crypto");

function isFromAisoule(secret, body, headers) {
  const sentAt = headers["webhook-timestamp"];
  const key = Buffer.from(secret.replace("whsec_", ""), "base64");
  const signed = Buffer.concat([Buffer.from(headers["webhook-id"] + "." + sentAt + "."), body]);
  const expected = Buffer.from("v1," + crypto.createHmac("sha256", key).update(signed).digest("base64"));
  const given = (headers["webhook-signature"] ?? "").split(" "); // two for a while after a rotation
  const genuine = given.map((one) => Buffer.from(one))
    .some((one) => one.length === expected.length && crypto.timingSafeEqual(expected, one));
  return genuine && Math.abs(Date.now() / 1000 - Number(sentAt)) < 300; // seconds
}
`,
  PHP: `function is_from_aisoule(string $secret, string $body): bool {
    $id = $_SERVER['HTTP_WEBHOOK_ID'] ?? '';
    $sent_at = $_SERVER['HTTP_WEBHOOK_TIMESTAMP'] ?? '';
    $key = base64_decode(substr($secret, strlen('whsec_')));
    $expected = 'v1,' . base64_encode(hash_hmac('sha256', "$id.$sent_at.$body", $key, true));
    $genuine = false;
    foreach (explode(' ', $_SERVER['HTTP_WEBHOOK_SIGNATURE'] ?? '') as $given) { // two for a while after a rotation
        $genuine = hash_equals($expected, $given) || $genuine;
    }
    return $genuine && abs(time() - (int) $sent_at) < 300; // seconds
}
`,
  Go: `import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"
)

func isFromAisoule(secret string, body []byte, headers http.Header) bool {
	sentAt := headers.Get("webhook-timestamp")
	key, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(headers.Get("webhook-id") + "." + sentAt + "."))
	mac.Write(body)
	expected := []byte("v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	genuine := false
	for _, given := range strings.Fields(headers.Get("webhook-signature")) { // two for a while after a rotation
		genuine = hmac.Equal(expected, []byte(given)) || genuine
	}
	seconds, err := strconv.ParseInt(sentAt, 10, 64)
	return genuine && err == nil && time.Since(time.Unix(seconds, 0)).Abs() < 5*time.Minute
}
`,
  Ruby: `require "openssl"

def from_aisoule?(secret, body, id, sent_at, signatures)
  key = secret.delete_prefix("whsec_").unpack1("m")
  expected = "v1," + [OpenSSL::HMAC.digest("SHA256", key, "#{id}.#{sent_at}.#{body}")].pack("m0")
  # There are two for a while after a rotation.
  genuine = signatures.split.map { |given| OpenSSL.secure_compare(expected, given) }.any?
  genuine && (Time.now.to_i - sent_at.to_i).abs < 300 # seconds
end
`,
};
