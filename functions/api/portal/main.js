'use strict';

// The start: all views are functions by now.

takeToken();
signedIn();
document.getElementById('sign-out').addEventListener('click', signOut);
document.querySelector('.skip').addEventListener('click', () => document.getElementById('main').focus());
window.addEventListener('hashchange', () => {
  takeToken();
  signedIn();
  show();
});
show();
