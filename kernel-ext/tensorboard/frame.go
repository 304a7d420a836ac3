package tensorboard

import (
	"encoding/binary"
	"hash/crc32"
)

// frame appends a record to a file of records, as TensorFlow's TFRecord format has it: the length of data, uint64, its checksum, data, and
// the checksum of that; all numbers little-endian.
//
// https://www.tensorflow.org/tutorials/load_data/tfrecord, "TFRecords format details".
func frame(to, data []byte) []byte {
	length := binary.LittleEndian.AppendUint64(nil, uint64(len(data)))
	to = append(to, length...)
	to = binary.LittleEndian.AppendUint32(to, masked(length))
	to = append(to, data...)
	return binary.LittleEndian.AppendUint32(to, masked(data))
}

// masked is the CRC-32C of data, turned and moved, so that the checksum of data which holds checksums is still a good one.
func masked(data []byte) uint32 {
	const moved = 0xa282ead8
	sum := crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli))
	return (sum>>15 | sum<<17) + moved
}
