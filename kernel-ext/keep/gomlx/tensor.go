package keepgomlx

import (
	"reflect"
	"slices"
	"unsafe"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/tensors"
)

// keptTensor stands in for a tensor.
type keptTensor struct {
	Shape shapes.Shape
	Data  []byte // row-major, as in memory
}

// keptTensorOf does not copy what lies in Go's memory, so that package keep sees whether it has changed.
func keptTensorOf(t *tensors.Tensor) (any, error) {
	if err := t.CheckValid(); err != nil {
		return nil, errFinalized("tensor")
	}
	k := keptTensor{Shape: t.Shape()}
	if err := t.ConstBytes(func(data []byte) { k.Data = data }); err != nil {
		return nil, err
	}
	if !t.HasLocal() { // it is memory of a device, shared with this process
		k.Data = slices.Clone(k.Data)
	}
	return k, nil
}

// Restored returns a tensor in this process' memory, a large one in the memory where it was kept.
func (k keptTensor) Restored() (any, error) {
	if t := k.inPlace(); t != nil {
		return t, nil
	}
	return tensors.FromRaw(nil, 0, k.Shape, k.Data)
}

const (
	largeTensor = 64 << 10 // bytes from which package keep maps memory
	alignment   = 16       // of the largest numbers, in bytes
)

// inPlace is a tensor whose memory is Data itself. It is nil for a small one, and where GoMLX's tensors are not as they are
// known here.
func (k keptTensor) inPlace() *tensors.Tensor {
	at := unsafe.Pointer(unsafe.SliceData(k.Data))
	if len(k.Data) < largeTensor || uintptr(at)%alignment != 0 || k.Shape.DType.Bits() < 8 || len(k.Data) != int(k.Shape.ByteSize()) {
		return nil
	}
	t := tensors.FromShape(shapes.Make(k.Shape.DType, 1))
	shape, err := unexported[shapes.Shape](t, "shape")
	local := reflect.ValueOf(t).Elem().FieldByName("local")
	if err != nil || local.Kind() != reflect.Pointer || local.IsNil() {
		return nil
	}
	flat := local.Elem().FieldByName("flat")
	if !flat.IsValid() || flat.Type() != reflect.TypeFor[any]() {
		return nil
	}
	*(*any)(flat.Addr().UnsafePointer()) = dtypes.UnsafeAnySliceFromBytes(at, k.Shape.DType, k.Shape.Size())
	*shape = k.Shape
	return t
}
