'use strict';

// How to verify a signature, in the languages that most receivers are written in.

const SNIPPETS = {
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

/** Tabs; the arrow keys go from one to the next. */
function snippets() {
  const panel = h('div', { role: 'tabpanel', id: newId('panel') });
  const tabs = Object.keys(SNIPPETS).map((language) => h('button', {
    type: 'button', role: 'tab', id: newId('tab'), 'aria-controls': panel.id, onclick: () => choose(language),
  }, language));

  function choose(language) {
    for (const tab of tabs) {
      const chosen = tab.textContent === language;
      tab.setAttribute('aria-selected', String(chosen));
      tab.tabIndex = chosen ? 0 : -1;
      if (chosen) panel.setAttribute('aria-labelledby', tab.id);
    }
    const text = SNIPPETS[language];
    panel.replaceChildren(h('div.snippet', {}, box(text, `${language} code`), copyButton(text, `the ${language} code`)));
  }

  const list = h('div.tabs', { role: 'tablist', 'aria-label': 'Language' }, ...tabs);
  list.addEventListener('keydown', (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const next = tabs[(tabs.indexOf(document.activeElement) + step + tabs.length) % tabs.length];
    choose(next.textContent);
    next.focus();
  });
  choose('Python');
  return h('section.card', { 'aria-labelledby': 'verify' },
    h('h2', { id: 'verify' }, 'Verify that a request is from us'),
    h('p', {}, 'Over the raw body, before it is parsed, with the header ', code('X-Webhook-Signature'),
      '. If it does not match, answer 401 and do nothing else.'),
    list, panel,
    h('p.hint', {}, 'Every request also carries the Standard Webhooks headers ', code('webhook-id'), ', ',
      code('webhook-timestamp'), ' and ', code('webhook-signature'),
      ': a library for them catches replays too. An event may arrive twice; ', code('webhook-id'), ' is then the same.'));
}
