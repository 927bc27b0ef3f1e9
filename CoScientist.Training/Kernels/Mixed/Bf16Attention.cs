using CoScientist.Training.Tensors;

namespace CoScientist.Training.Kernels.Mixed;

/// <summary>
/// The attention of <see cref="Attention"/> with all five products in bfloat16: queries, keys, values, probabilities and the
/// gradients of results and scores are rounded where a product takes them; sums and softmax are in single precision. Keys are
/// multiplied in groups of 32 counted from the start of their sequence, so that a cache in pages gives the same bits.
/// </summary>
public static unsafe class Bf16Attention
{
    [ThreadStatic]
    private static Bf16AttentionWork? workOfThread;

    /// <summary>out [N, H·D] from q [N, H·D], k and v [N, G·D].</summary>
    public static void Forward(WorkerPool pool, TokenBatch batch, AttentionShape shape, float* q, float* k, float* v, float* output) =>
        Forward(pool, batch, shape, new Matrix(q, shape.QueryWidth), new Matrix(k, shape.KeyWidth), new Matrix(v, shape.KeyWidth), new Matrix(output, shape.QueryWidth));

    /// <summary>The same of rows in whatever precision.</summary>
    internal static void Forward(WorkerPool pool, TokenBatch batch, AttentionShape shape, Matrix q, Matrix k, Matrix v, Matrix output)
    {
        var parts = Attention.Parts(pool, batch, shape);
        pool.For(WorkKind.Attention, batch.Trees.Count * shape.KeyValueHeads * parts, new ForwardLoop(batch, shape, parts, q, k, v, output), 4.0 * Attention.VisiblePairs(batch, shape) * shape.QueryWidth);
    }

    /// <summary>dq [N, H·D], dk and dv [N, G·D] from dout [N, H·D]; the formulas are those of <see cref="Attention.Backward"/>.</summary>
    public static void Backward(WorkerPool pool, TokenBatch batch, AttentionShape shape, float* q, float* k, float* v, float* dout, float* dq, float* dk, float* dv) =>
        Backward(pool, batch, shape, new Matrix(q, shape.QueryWidth), new Matrix(k, shape.KeyWidth), new Matrix(v, shape.KeyWidth), dout, dq, dk, dv);

    /// <summary>The same of rows in whatever precision.</summary>
    internal static void Backward(WorkerPool pool, TokenBatch batch, AttentionShape shape, Matrix q, Matrix k, Matrix v, float* dout, float* dq, float* dk, float* dv) =>
        pool.For(WorkKind.Attention, batch.Trees.Count * shape.KeyValueHeads, new BackwardLoop(batch, shape, q, k, v, dout, dq, dk, dv), 10.0 * Attention.VisiblePairs(batch, shape) * shape.QueryWidth);

    private readonly struct ForwardLoop(TokenBatch batch, AttentionShape shape, int parts, Matrix q, Matrix k, Matrix v, Matrix output) : ILoopBody
    {
        public void Run(int index)
        {
            var (part, task) = (index % parts, index / parts);
            var work = workOfThread ??= new Bf16AttentionWork();
            var keyHead = task % shape.KeyValueHeads;
            var tree = batch.Trees[task / shape.KeyValueHeads];
            work.Begin(batch, tree, shape, backward: false);
            var number = 0;
            for (var segment = tree.FirstSegment; segment < tree.EndSegment; segment++)
            {
                work.Enter(batch, segment);
                var packed = false;
                for (var done = 0; done < batch.Segments[segment].Length; done += Bf16AttentionWork.Queries)
                {
                    if (number++ % parts != part)
                    {
                        continue;
                    }

                    if (!packed)
                    {
                        work.PackColumns(k, keyHead, work.KeyColumns);
                        work.PackRows(v, keyHead, work.ValueRows);
                        packed = true;
                    }

                    work.Take(done);
                    for (var head = keyHead * shape.Group; head < (keyHead + 1) * shape.Group; head++)
                    {
                        work.Narrow(q, head, work.Left);
                        work.TimesColumns(work.Left, work.KeyColumns, work.Scores);
                        work.Softmax();
                        work.TimesRows(work.Probabilities, work.ValueRows);
                        work.CopyOut(output, head);
                    }
                }
            }
        }
    }

    private readonly struct BackwardLoop(TokenBatch batch, AttentionShape shape, Matrix q, Matrix k, Matrix v, float* dout, float* dq, float* dk, float* dv) : ILoopBody
    {
        public void Run(int index)
        {
            var work = workOfThread ??= new Bf16AttentionWork();
            var keyHead = index % shape.KeyValueHeads;
            var tree = batch.Trees[index / shape.KeyValueHeads];
            work.Begin(batch, tree, shape, backward: true);
            work.ClearTree(dk, keyHead);
            work.ClearTree(dv, keyHead);
            for (var segment = tree.FirstSegment; segment < tree.EndSegment; segment++)
            {
                work.Enter(batch, segment);
                work.PackColumns(k, keyHead, work.KeyColumns);
                work.PackRows(k, keyHead, work.KeyRows);
                work.PackColumns(v, keyHead, work.ValueColumns);
                for (var done = 0; done < batch.Segments[segment].Length; done += Bf16AttentionWork.Queries)
                {
                    work.Take(done);
                    for (var head = keyHead * shape.Group; head < (keyHead + 1) * shape.Group; head++)
                    {
                        work.Narrow(q, head, work.Left);
                        work.TimesColumns(work.Left, work.KeyColumns, work.Scores);
                        work.Softmax();
                        work.Narrow(new Matrix(dout, shape.QueryWidth), head, work.Upstream);
                        work.TimesColumns(work.Upstream, work.ValueColumns, work.ScoreGradients);
                        work.AddTransposed(work.Probabilities, work.Upstream, work.ValueGradients);
                        work.SoftmaxBackward();
                        work.AddTransposed(work.Probabilities, work.Left, work.KeyGradients);
                        work.TimesRows(work.Probabilities, work.KeyRows);
                        work.CopyOut(new Matrix(dq, shape.QueryWidth), head);
                    }
                }

                work.AddTo(dk, keyHead, work.KeyGradients);
                work.AddTo(dv, keyHead, work.ValueGradients);
            }
        }
    }
}
