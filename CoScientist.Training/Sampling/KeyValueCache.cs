using CoScientist.Training.Kernels;
using CoScientist.Training.Tensors;

namespace CoScientist.Training.Sampling;

/// <summary>
/// Keys and values of many rows for every layer and key-value head. Keys stand column-wise, [D, rows], so that scores of one
/// query against all keys are plain vector code; values row-wise, [rows, D padded].
/// </summary>
internal sealed unsafe class KeyValueCache : IDisposable
{
    private readonly AttentionShape shape;
    private readonly FloatBuffer keys;
    private readonly FloatBuffer values;
    private readonly int layers;

    public KeyValueCache(AttentionShape shape, int layers, int capacity)
    {
        (this.shape, this.layers) = (shape, layers);
        ColumnStride = MatMul.Padded(capacity) + MatMul.PanelWidth;
        RowStride = MatMul.Padded(shape.HeadDim);
        keys = new FloatBuffer((long)layers * shape.KeyWidth * ColumnStride);
        values = new FloatBuffer((long)layers * shape.KeyValueHeads * ColumnStride * RowStride);
    }

    /// <summary>Floats between element d and d + 1 of a key.</summary>
    public int ColumnStride { get; }

    /// <summary>Floats between a value and the next row's.</summary>
    public int RowStride { get; }

    public float* Keys(int layer, int head) => keys.Pointer + ((((long)layer * shape.KeyValueHeads) + head) * shape.HeadDim * ColumnStride);

    public float* Values(int layer, int head) => values.Pointer + ((((long)layer * shape.KeyValueHeads) + head) * ColumnStride * RowStride);

    /// <summary>Stores one row's key and value, given as [G·D].</summary>
    public void Store(int layer, int row, float* key, float* value)
    {
        for (var head = 0; head < shape.KeyValueHeads; head++)
        {
            var columns = Keys(layer, head) + row;
            var rowOf = Values(layer, head) + ((long)row * RowStride);
            for (var d = 0; d < shape.HeadDim; d++)
            {
                columns[(long)d * ColumnStride] = key[(head * shape.HeadDim) + d];
                rowOf[d] = value[(head * shape.HeadDim) + d];
            }
        }
    }

    public void Dispose()
    {
        keys.Dispose();
        values.Dispose();
    }
}
