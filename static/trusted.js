"use strict";
// The Content-Security-Policy keeps scripts from turning text into markup or code. Only htmx gets
// an exception, for markup in the server's answers.

const never = () => { throw new TypeError("text must not become code"); };
const rules = { createHTML: (html) => html }; // no createScript: the policy makes no scripts
const policy = self.trustedTypes?.createPolicy("htmx", rules) ?? { ...rules, createScript: never };
htmx.registerExtension("trusted", { init: ({ initSecurity }) => initSecurity(policy, never, never) });
