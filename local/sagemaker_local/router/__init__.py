"""The data plane's front door: one process that answers InvokeEndpoint and passes everything else on."""
