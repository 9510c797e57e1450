-- What a gateway has beside its document: settings that Azure's schema has no room for, so that no client of Azure can take
-- them away by putting the document.

-- JSON: policies (documents of client auth policies), trustEpochs (sha256, epoch), both by lower-case name of the SSL
-- profile. Written together with the document, under the same generation.
alter table gateways add column extensions text not null default '{}';
