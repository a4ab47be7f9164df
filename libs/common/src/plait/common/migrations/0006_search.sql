-- Full-text search: which words are in which message, as hashes. The texts themselves stand in `blobs` only; what is
-- found here is looked at again there, and snippets are cut from there.

-- Exchanges whose texts are to be indexed, or looked at again because their link or answer changed: put in by the
-- linker's transaction, taken out by its indexing. One may wait here several times.
CREATE TABLE search_queue (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    exchange_id uuid NOT NULL
);

-- Messages with something that was first said in their exchange; it goes when its exchange goes.
--
-- `number` counts them in the order in which they were indexed. A run of 2^15 numbers is a slot, and each term is its
-- hash XOR the slot's mask: the entries of one word are many short lists, one a slot, the newest of which answer a search
-- for a frequent word, instead of one list as long as the history.
CREATE TABLE search_texts (
    exchange_id uuid    NOT NULL REFERENCES exchanges (id) ON DELETE CASCADE,
    message     integer NOT NULL,         -- of the request, from 0; the answer comes after the last
    number      bigint  NOT NULL,
    blob        bytea   NOT NULL,
    terms       integer[] NOT NULL,       -- sorted; plait.common.search.words
    PRIMARY KEY (exchange_id, message)
);
ALTER TABLE search_texts ALTER COLUMN terms SET STORAGE EXTERNAL; -- hashes do not compress
CREATE INDEX search_texts_by_term ON search_texts USING gin (terms);
CREATE SEQUENCE search_numbers;

CREATE TABLE search_slots (
    slot     integer PRIMARY KEY,
    mask     integer     NOT NULL,
    first_at timestamptz NOT NULL,        -- starts of its exchanges
    last_at  timestamptz NOT NULL
);
