"use strict";
// The Content-Security-Policy lets no script make markup or code of a text. htmx gets the one
// exception, for markup, where it reads the server's answers: what it can do nobody else here can.

const never = () => { throw new TypeError("no code is made of texts here"); };
const rules = { createHTML: (html) => html }; // so the policy makes no scripts
const policy = self.trustedTypes?.createPolicy("htmx", rules) ?? { ...rules, createScript: never };
htmx.registerExtension("trusted", { init: ({ initSecurity }) => initSecurity(policy, never, never) });
