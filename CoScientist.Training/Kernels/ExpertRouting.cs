namespace CoScientist.Training.Kernels;

/// <summary>Where the rows of a batch go in a layer of E experts, each row to K of them.</summary>
internal unsafe struct ExpertPlan
{
    /// <summary>Softmax of the router's scores, [N, E].</summary>
    public float* Probabilities;

    /// <summary>Experts of each row, likeliest first, [N, K].</summary>
    public int* Choices;

    /// <summary>Weight of each of them, [N, K].</summary>
    public float* Weights;

    /// <summary>Slot of each of them, [N, K]: rows sorted by expert occupy slots 0 … N·K − 1.</summary>
    public int* Slots;

    /// <summary>Row in each slot, [N·K].</summary>
    public int* Rows;

    /// <summary>First slot of each expert, [E + 1]; the last is N·K.</summary>
    public int* Starts;
}

/// <summary>
/// Sends rows to experts (Shazeer et al. 2017; Qwen3): p = softmax(router scores), the K likeliest experts of each row, weighted
/// by w = p, or p divided by their sum. Every row is treated by itself and sums over experts run in the order of its choices,
/// so results do not depend on the batch.
/// </summary>
internal static unsafe class ExpertRouting
{
    private const int RowsPerTask = 64;

    /// <summary>Fills a plan whose probabilities hold the router's scores. Among equal probabilities the lower index wins.</summary>
    public static void Choose(WorkerPool pool, ExpertPlan plan, int rows, int experts, int perRow, bool normalise)
    {
        pool.For(WorkKind.Other, Tasks(rows), new ChooseLoop(plan, rows, experts, perRow, normalise));
        for (var e = 0; e <= experts; e++)
        {
            plan.Starts[e] = 0;
        }

        for (var i = 0; i < rows * perRow; i++)
        {
            plan.Starts[plan.Choices[i] + 1]++;
        }

        for (var e = 0; e < experts; e++)
        {
            plan.Starts[e + 1] += plan.Starts[e];
        }

        // Filling moves each expert's start to its end, which is the next one's start: shift back afterwards.
        for (var i = 0; i < rows * perRow; i++)
        {
            var slot = plan.Starts[plan.Choices[i]]++;
            plan.Slots[i] = slot;
            plan.Rows[slot] = i / perRow;
        }

        for (var e = experts; e > 0; e--)
        {
            plan.Starts[e] = plan.Starts[e - 1];
        }

        plan.Starts[0] = 0;
    }

    /// <summary>target [N·K, C]: the row of x [N, C] in each slot.</summary>
    public static void Gather(WorkerPool pool, ExpertPlan plan, float* x, float* target, int slots, int width) =>
        pool.For(WorkKind.Other, Tasks(slots), new GatherLoop(plan, x, target, slots, width));

    /// <summary>y [N, C] = x + Σ over the choices of a row of weight · what stands in its slot of source [N·K, C]; weight 1 where <paramref name="weighted"/> is false.</summary>
    public static void AddBack(WorkerPool pool, ExpertPlan plan, float* source, float* x, float* y, int rows, int perRow, int width, bool weighted) =>
        pool.For(WorkKind.Other, Tasks(rows), new AddBackLoop(plan, source, x, y, rows, perRow, width, weighted));

    /// <summary>
    /// Takes the gradients of slots, computed as if every weight were 1: dw = Σ of upstream ⊙ active over a slot's F elements,
    /// then gate, up and active of the slot are multiplied by its weight.
    /// </summary>
    public static void WeightSlots(WorkerPool pool, ExpertPlan plan, float* upstream, Matrix gate, Matrix up, Matrix active, float* dw, int rows, int perRow) =>
        pool.For(WorkKind.Other, Tasks(rows), new WeightSlotsLoop(plan, upstream, gate, up, active, dw, rows, perRow));

    /// <summary>
    /// Gradient of the router's scores, [N, E], from that of the weights, dw [N, K]: with s the sum of the chosen probabilities,
    /// dp = (dw − Σ dw·w)/s where weights are normalised, else dw; balance [E] is added to every row's dp; dscore = p ⊙ (dp − Σ p·dp).
    /// </summary>
    public static void ScoreGradients(WorkerPool pool, ExpertPlan plan, float* dw, float* balance, float* dScores, int rows, int experts, int perRow, bool normalise) =>
        pool.For(WorkKind.Other, Tasks(rows), new ScoreGradientsLoop(plan, dw, balance, dScores, rows, experts, perRow, normalise));

    private static int Tasks(int rows) => (rows + RowsPerTask - 1) / RowsPerTask;

    private readonly struct ChooseLoop(ExpertPlan plan, int rows, int experts, int perRow, bool normalise) : ILoopBody
    {
        public void Run(int index)
        {
            var end = Math.Min(rows, (index + 1) * RowsPerTask);
            for (var row = index * RowsPerTask; row < end; row++)
            {
                var p = plan.Probabilities + ((long)row * experts);
                VectorMath.Softmax(p, experts, 1);
                Best(new ReadOnlySpan<float>(p, experts), new Span<int>(plan.Choices + ((long)row * perRow), perRow));
                var sum = 0f;
                for (var j = 0; j < perRow; j++)
                {
                    sum += p[plan.Choices[((long)row * perRow) + j]];
                }

                for (var j = 0; j < perRow; j++)
                {
                    var probability = p[plan.Choices[((long)row * perRow) + j]];
                    plan.Weights[((long)row * perRow) + j] = normalise ? probability / sum : probability;
                }
            }
        }

        /// <summary>The indices of the largest values, largest first, by insertion: K is small.</summary>
        private static void Best(ReadOnlySpan<float> values, Span<int> best)
        {
            var found = 0;
            for (var i = 0; i < values.Length; i++)
            {
                if (found == best.Length && values[i] <= values[best[^1]])
                {
                    continue;
                }

                var at = found < best.Length ? found++ : found - 1;
                for (; at > 0 && values[best[at - 1]] < values[i]; at--)
                {
                    best[at] = best[at - 1];
                }

                best[at] = i;
            }
        }
    }

    private readonly struct GatherLoop(ExpertPlan plan, float* x, float* target, int slots, int width) : ILoopBody
    {
        public void Run(int index)
        {
            var end = Math.Min(slots, (index + 1) * RowsPerTask);
            for (var slot = index * RowsPerTask; slot < end; slot++)
            {
                new ReadOnlySpan<float>(x + ((long)plan.Rows[slot] * width), width).CopyTo(new Span<float>(target + ((long)slot * width), width));
            }
        }
    }

    private readonly struct AddBackLoop(ExpertPlan plan, float* source, float* x, float* y, int rows, int perRow, int width, bool weighted) : ILoopBody
    {
        public void Run(int index)
        {
            var end = Math.Min(rows, (index + 1) * RowsPerTask) * perRow;
            for (var i = index * RowsPerTask * perRow; i < end; i++)
            {
                if (x != y && i % perRow == 0)
                {
                    var at = (long)(i / perRow) * width;
                    new ReadOnlySpan<float>(x + at, width).CopyTo(new Span<float>(y + at, width));
                }

                VectorMath.AddScaled(source + ((long)plan.Slots[i] * width), weighted ? plan.Weights[i] : 1, y + ((long)(i / perRow) * width), width);
            }
        }
    }

    private readonly struct WeightSlotsLoop(ExpertPlan plan, float* upstream, Matrix gate, Matrix up, Matrix active, float* dw, int rows, int perRow) : ILoopBody
    {
        public void Run(int index)
        {
            var width = active.Width;
            var room = stackalloc float[active.IsHalf ? width : 0];
            var end = Math.Min(rows, (index + 1) * RowsPerTask) * perRow;
            for (var i = index * RowsPerTask * perRow; i < end; i++)
            {
                var slot = plan.Slots[i];
                dw[i] = VectorMath.Dot(upstream + ((long)slot * width), active.Read(slot, 0, width, room), width);
                Scale(gate, slot, plan.Weights[i], room);
                Scale(up, slot, plan.Weights[i], room);
                Scale(active, slot, plan.Weights[i], room);
            }
        }

        private static void Scale(in Matrix rows, int row, float weight, float* room)
        {
            var values = rows.Read(row, 0, rows.Width, room);
            for (var j = 0; j < rows.Width; j++)
            {
                values[j] *= weight;
            }

            if (rows.IsHalf)
            {
                rows.Write(row, 0, rows.Width, values);
            }
        }
    }

    private readonly struct ScoreGradientsLoop(ExpertPlan plan, float* dw, float* balance, float* dScores, int rows, int experts, int perRow, bool normalise) : ILoopBody
    {
        public void Run(int index)
        {
            var end = Math.Min(rows, (index + 1) * RowsPerTask);
            for (var row = index * RowsPerTask; row < end; row++)
            {
                var p = plan.Probabilities + ((long)row * experts);
                var d = dScores + ((long)row * experts);
                new ReadOnlySpan<float>(balance, experts).CopyTo(new Span<float>(d, experts));
                var first = (long)row * perRow;
                var (sum, mean) = (0f, 0f);
                for (var j = 0; j < perRow; j++)
                {
                    sum += p[plan.Choices[first + j]];
                    mean += dw[first + j] * plan.Weights[first + j];
                }

                for (var j = 0; j < perRow; j++)
                {
                    d[plan.Choices[first + j]] += normalise ? (dw[first + j] - mean) / sum : dw[first + j];
                }

                var dot = VectorMath.Dot(p, d, experts);
                for (var e = 0; e < experts; e++)
                {
                    d[e] = p[e] * (d[e] - dot);
                }
            }
        }
    }
}
