using CoScientist.Training.Tensors;

namespace CoScientist.Training.Kernels;

/// <summary>The lookup of token embeddings, x [N, C] = rows of E [V, C].</summary>
public static unsafe class EmbeddingTable
{
    /// <summary>Columns that a task goes down: whole cache lines, so that threads do not write to each other's.</summary>
    private const int ColumnsPerTask = 64;

    /// <summary>
    /// dE[token of row i] += dx[i] for all rows of the batch. Rows may hold the same token, so tasks share out the columns;
    /// each element is summed over the rows in ascending order.
    /// </summary>
    public static void AddGradient(WorkerPool pool, TokenBatch batch, float* dx, float* gradient, int width) =>
        pool.For(WorkKind.Other, (width + ColumnsPerTask - 1) / ColumnsPerTask, new AddLoop(batch, dx, gradient, width));

    private readonly struct AddLoop(TokenBatch batch, float* dx, float* gradient, int width) : ILoopBody
    {
        public void Run(int index)
        {
            var first = index * ColumnsPerTask;
            var count = Math.Min(ColumnsPerTask, width - first);
            for (var row = 0; row < batch.Count; row++)
            {
                VectorMath.AddScaled(dx + ((long)row * width) + first, 1, gradient + ((long)batch.Tokens[row] * width) + first, count);
            }
        }
    }
}
