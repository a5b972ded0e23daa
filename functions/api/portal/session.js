'use strict';

// Who is reading: a session's token from the address bar, or a key that is pasted.

let asking = null;

/** Takes `#token=…` out of the address bar and the history before anybody else sees it. */
function takeToken() {
  const given = /^#token=([^&]+)/.exec(location.hash);
  if (!given) return false;
  history.replaceState(null, '', `${location.pathname}${location.search}#/`);
  keepToken(decodeURIComponent(given[1]));
  return true;
}

/** Resolves when there is another key than the one that was refused. */
function renewed(refused) {
  if (token && token !== refused) return Promise.resolve();
  asking ??= askAgain().finally(() => { asking = null; });
  return asking;
}

function askAgain() {
  return new Promise((resolve, reject) => {
    const form = keyForm(() => {
      dialog.dataset.renewed = 'yes';
      dialog.close();
    });
    const dialog = openDialog('Your session has expired',
      h('p', {}, 'Open this page again from AIsoule, or paste a key to go on here. Nothing you have typed is lost.'),
      form);
    dialog.classList.add('session');
    dialog.addEventListener('close', () => {
      if (dialog.dataset.renewed) resolve();
      else reject(new Refused(401, 'Your session has expired: nothing was changed.'));
    });
    form.querySelector('input').focus();
  });
}

/** Tries the key before it is taken. */
function keyForm(taken) {
  const id = newId('key');
  const line = outcome();
  line.id = newId('why');
  const input = h('input', {
    id, type: 'password', autocomplete: 'off', spellcheck: 'false', required: true, 'aria-describedby': line.id,
  });
  const submit = h('button.primary', { type: 'submit' }, 'Continue');
  const form = h('form', { novalidate: true },
    h('div.field', {}, h('label', { for: id }, 'API key'), input, line),
    h('div.buttons', {}, submit));
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    attempt(submit, 'Checking…', line, async () => {
      input.removeAttribute('aria-invalid');
      try {
        await tryKey(input.value.trim());
      } catch (error) {
        input.setAttribute('aria-invalid', 'true');
        input.focus();
        throw error;
      }
      input.value = '';
      taken();
    });
  });
  return form;
}

async function tryKey(key) {
  if (!key) throw new Refused(0, 'Paste a key first.');
  if (!/^[\x21-\x7e]+$/.test(key)) throw new Refused(0, 'This is not a key: it has spaces or other signs in it.');
  const answer = await send('GET', 'webhooks?limit=1', key);
  if (answer.status === 401) throw new Refused(401, 'This key is unknown, revoked or expired.');
  if (answer.status === 403) throw new Refused(403, "This is not an account's key: it cannot manage webhooks.");
  await read(answer);
  keepToken(key);
}

function keyView(place) {
  place.append(h('div.card.narrow', {},
    heading('Webhooks'),
    h('p', {}, 'Open this page from AIsoule, under Settings, or paste an API key of your account.'),
    keyForm(() => { signedIn(); show(); }),
    h('p.hint', {}, 'The key is kept in this tab only, until you close it or sign out.')));
}

function signedIn() {
  document.getElementById('sign-out').hidden = !token;
}

function signOut() {
  keepToken(null);
  forgetSecrets();
  signedIn();
  history.replaceState(null, '', '#/');
  show();
}
