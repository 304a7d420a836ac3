// Package comms is a kernel's part in Jupyter's comms, over which widgets speak: the hub between the front-ends and the
// processes that cells have started, which own the comms. It knows neither GoNB nor the queue of cells, so a panel answers
// while a cell runs.
//
// Reading order: hub.go (connections of processes), process.go (what processes say), frontend.go (what front-ends say),
// states.go (a page that was loaded anew).
package comms
