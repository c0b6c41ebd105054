module threadle/peers/go

go 1.25
