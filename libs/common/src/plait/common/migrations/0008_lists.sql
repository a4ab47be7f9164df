-- What lists of exchanges are walked by when a filter lets few through: without these, finding the one model in a
-- thousand means looking at all.
--
-- None is over a column that a good answer changes (0001_record.sql says why): a status counts when it is not 200, and
-- the model that answers is nearly always the one that was asked for.
ALTER TABLE exchanges ADD COLUMN refusal smallint GENERATED ALWAYS AS (nullif(status, 200)) STORED;
CREATE INDEX exchanges_by_refusal ON exchanges (refusal, started_at, id)
    WHERE refusal IS NOT NULL AND method IS NOT NULL;
CREATE INDEX exchanges_by_kind ON exchanges (kind, started_at, id)
    WHERE kind <> 'inference' AND method IS NOT NULL;
CREATE INDEX exchanges_by_model ON exchanges (hashtextextended(model, 0), started_at) WHERE model IS NOT NULL;
