// SPDX-License-Identifier: MPL-2.0
// The page that Taskcluster sends the browser back to. The credentials stay in this tab.
import * as session from "./session.js";
import { finish, samePlace } from "./sign-in.js";

const { root, client } = document.getElementById("login").dataset;

finish({ root, client })
  .then(({ credentials, expires, back }) => {
    session.begin(credentials, expires);
    location.replace(samePlace(back, "index.html"));
  })
  .catch((error) => {
    document.getElementById("outcome").textContent = `The sign-in failed: ${error.message}.`;
  });
