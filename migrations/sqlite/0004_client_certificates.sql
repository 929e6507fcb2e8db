-- The private key of the certificate that is shown to an upstream, sealed. The certificate is in the definition.

ALTER TABLE upstreams ADD COLUMN client_key BLOB
    CHECK ((client_key IS NULL) = (record ->> '$.client_certificate' IS NULL));
