-- SPDX-License-Identifier: MPL-2.0
-- The Python service reads the result as well: nothing to take back.
SELECT 1;
