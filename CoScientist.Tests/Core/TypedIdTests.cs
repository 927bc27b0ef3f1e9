using CoScientist.Core;
using CoScientist.Core.Goals;
using CoScientist.Tests.Core.Storage;

namespace CoScientist.Tests.Core;

public sealed class TypedIdTests
{
    [Fact]
    public void Next_while_the_clock_stands_still_or_is_set_back_a_little_goes_on_counting()
    {
        // More than fit into the twelve bits of one millisecond.
        var places = new List<long> { TypedId.Next(0, 1_000_000) };
        for (var i = 0; i < 10_000; i++)
        {
            places.Add(TypedId.Next(places[^1], i < 5000 ? 1_000_000 : 999_500));
        }

        Assert.Equal(Enumerable.Range(0, 10_001).Select(i => (1_000_000L << 12) + i), places);
    }

    [Theory]
    [InlineData(1_000_001)]
    [InlineData(2_000_000)]
    [InlineData(998_000)] // set back by two seconds
    public void Next_at_another_time_starts_there(long milliseconds) => Assert.Equal(milliseconds << 12, TypedId.Next((1_000_000L << 12) + 77, milliseconds));

    [Fact]
    public void New_is_of_version_7_and_tells_its_time()
    {
        var time = new ManualTime();

        var id = TypedId.New<GoalId>(time).Value;

        Assert.Equal((7, 2), (id.Version, id.Variant >> 2));
        // Other tests make ids meanwhile: theirs may lead by less than a second.
        var told = DateTimeOffset.FromUnixTimeMilliseconds(Convert.ToInt64(id.ToString("N")[..12], 16));
        Assert.InRange(time.GetUtcNow() - told, TimeSpan.Zero, TimeSpan.FromSeconds(1));
    }

    [Fact]
    public async Task New_from_many_threads_gives_no_id_twice()
    {
        var made = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(() => Enumerable.Range(0, 2000).Select(_ => TypedId.New<GoalId>(TimeProvider.System)).ToList())));

        Assert.Equal(16_000, made.SelectMany(ids => ids).Distinct().Count());
    }
}
