import { renewWith } from './api.js';
import { deliveryView } from './delivery.js';
import { byId } from './dom.js';
import { renewed } from './expired.js';
import { eventView } from './find.js';
import { editView, newView } from './edit.js';
import { mayLeave } from './leave.js';
import { openAddress } from './link.js';
import { listView } from './list.js';
import { routeBy } from './router.js';
import { secretView } from './secret.js';
import { signedOutElsewhere, signInView, signOut } from './session.js';
import { whenSignedOut } from './tabs.js';
import { webhookView } from './webhook.js';

// The start: every view has its address here.

renewWith(renewed);
routeBy({
  views: [
    [/^$/, listView],
    [/^new$/, newView],
    [/^events\/([\w-]+)$/, eventView],
    [/^(wh_\w+)$/, webhookView],
    [/^(wh_\w+)\/edit$/, editView],
    [/^(wh_\w+)\/secret$/, secretView],
    [/^(wh_\w+)\/deliveries\/([\w-]+)$/, deliveryView],
  ],
  signIn: signInView,
  signOut,
});

whenSignedOut(signedOutElsewhere);
byId('sign-out').addEventListener('click', async () => { if (await mayLeave()) signOut(); });
document.querySelector('.skip')?.addEventListener('click', () => byId('main').focus());
window.addEventListener('hashchange', ({ oldURL }) => openAddress(new URL(oldURL).hash || '#/'));
openAddress();
