-- SPDX-License-Identifier: MPL-2.0
DO $$
BEGIN
    IF to_regtype('visibility') IS NOT NULL THEN
        DROP CAST IF EXISTS (text AS visibility);
    END IF;
    IF to_regtype('region') IS NOT NULL THEN
        DROP CAST IF EXISTS (region AS text);
    END IF;
END $$;
DROP TABLE tooltool_watches;
